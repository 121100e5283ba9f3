"""Attention transfer: one image at a time, its attention summed over channels as in the paper."""

import torch

from references.features import same_size


def attention_loss(student, teacher, power=2):
    total, count = 0.0, 0
    for own, other in zip(student, teacher, strict=True):
        own, other = (_attention(maps, power) for maps in same_size(own, other))
        for mine, theirs in zip(own, other, strict=True):
            total, count = total + (mine - theirs) ** 2, count + 1
    return total / count


def _attention(maps, power):
    summed = torch.stack([channel.abs() ** power for channel in maps]).sum(dim=0).flatten()
    return summed / (summed**2).sum().sqrt()
