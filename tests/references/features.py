"""Average pooling of one image's map to any smaller size, one place at a time."""

import torch


def shrink(maps, rows, columns):
    """A map of (channels, height, width) averaged to (channels, rows, columns)."""
    _, height, width = maps.shape
    result = []
    for row in range(rows):
        top, bottom = row * height // rows, -(-(row + 1) * height // rows)
        line = []
        for column in range(columns):
            left, right = column * width // columns, -(-(column + 1) * width // columns)
            line.append(maps[:, top:bottom, left:right].mean(dim=(1, 2)))
        result.append(torch.stack(line, dim=1))
    return torch.stack(result, dim=1)


def same_size(student, teacher):
    rows, columns = min(student.shape[1], teacher.shape[1]), min(student.shape[2], teacher.shape[2])
    return shrink(student, rows, columns), shrink(teacher, rows, columns)
