"""The flow of one image from stage to stage: one pair of channels at a time."""

from references.features import same_size


def flow(first, second):
    """The matrix of maps of (m, height, width) and (n, rows, columns), as m lists of n numbers."""
    first, second = same_size(first, second)
    return [[(one * other).sum() / one.numel() for other in second] for one in first]


def fsp_loss(student_first, student_second, teacher_first, teacher_second):
    total, count = 0.0, 0
    for images in zip(student_first, student_second, teacher_first, teacher_second, strict=True):
        student, teacher = flow(*images[:2]), flow(*images[2:])
        for own, other in zip(student, teacher, strict=True):
            for mine, theirs in zip(own, other, strict=True):
                total, count = total + (mine - theirs) ** 2, count + 1
    return total / count
