"""Knowledge review: the hierarchical context loss, one level and one image at a time."""

import torch

from references.features import shrink


def hcl_loss(student, teacher):
    height = student.shape[2]
    parts = [(1.0, height)]
    for places in (4, 2, 1):
        if places < height:
            parts.append((parts[-1][0] / 2, places))
    total = 0.0
    for weight, places in parts:
        differences = []
        for own, other in zip(student, teacher, strict=True):
            if places < height:
                own, other = shrink(own, places, places), shrink(other, places, places)
            differences.append(((own - other) ** 2).flatten())
        total = total + weight * torch.cat(differences).sum() / torch.cat(differences).numel()
    return total / sum(weight for weight, _ in parts)
