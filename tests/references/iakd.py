"""IAKD as the paper's equations have it: both branches of each block are run, and a 0 or 1 chooses."""

import itertools


def hybrid_logits(student, teacher, images, keeps, keep_head):
    """f_k = a_k S_k(f_{k-1}) + (1 - a_k) T_k(f_{k-1}); the stem goes with the first block."""
    hidden = keeps[0] * student.stem(images) + (1 - keeps[0]) * teacher.stem(images)
    for k, keep in enumerate(keeps):
        hidden = keep * student.stage(k, hidden) + (1 - keep) * teacher.stage(k, hidden)
    return keep_head * student.head(hidden) + (1 - keep_head) * teacher.head(hidden)


def growth(start, epochs):
    """The probabilities of all epochs of a phase, from `start` to 1 in equal steps."""
    if epochs == 1:
        return [1.0]
    return [start + (1 - start) * e / (epochs - 1) for e in range(epochs)]


def review(start, epochs, milestones):
    """Growth anew in each phase of the learning rate."""
    bounds = [0, *milestones, epochs]
    return [p for begin, end in itertools.pairwise(bounds) for p in growth(start, end - begin)]
