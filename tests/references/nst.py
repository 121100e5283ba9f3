"""Neuron selectivity transfer: one pair of channels at a time."""

from references.features import same_size


def nst_loss(student, teacher):
    total = 0.0
    for own, other in zip(student, teacher, strict=True):
        own, other = ([channel.flatten() / channel.norm() for channel in maps] for maps in same_size(own, other))
        total = total + _mean(other, other) + _mean(own, own) - 2 * _mean(own, other)
    return total / len(student)


def _mean(left, right):
    return sum((a @ b) ** 2 for a in left for b in right) / (len(left) * len(right))
