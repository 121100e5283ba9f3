"""Factor transfer: one image at a time."""

import torch

from references.features import same_size


def direction(factor, p1):
    places = torch.stack([channel**p1 for channel in factor]).sum(dim=0).flatten() / len(factor)
    return places / (places * places).sum().sqrt()


def ft_loss(student, teacher, p1, p2):
    total, count = 0.0, 0
    for own, other in zip(student, teacher, strict=True):
        own, other = same_size(own, other)
        for mine, theirs in zip(direction(own, p1), direction(other, p1), strict=True):
            total, count = total + (mine - theirs).abs() ** p2, count + 1
    return total / count
