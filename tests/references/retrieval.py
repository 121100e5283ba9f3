"""Retrieval as its definitions say, query by query and rank by rank."""

import math


def distance(one, other, metric):
    if metric == "l2":
        return math.dist(one, other)
    lengths = math.hypot(*one), math.hypot(*other)
    return -sum(a * b for a, b in zip(one, other, strict=True)) / (lengths[0] * lengths[1]) if all(lengths) else 0.0


def relevance(query, label, database, labels, metric):
    """1 for each image of the query's class and 0 for another's, nearest first; of equals those of others first."""
    ranked = sorted(
        (distance(query, image, metric), image_label == label)
        for image, image_label in zip(database, labels, strict=True)
    )
    return [int(is_own) for _, is_own in ranked]


def curves(relevant):
    """Precision and recall at every rank."""
    found, precision, recall = 0, [], []
    for rank, is_own in enumerate(relevant, 1):
        found += is_own
        precision.append(found / rank)
        recall.append(found / sum(relevant))
    return precision, recall


def average_precision(relevant):
    """Interpolated at 11 levels: the best precision at this recall or more; counted in tenths, against rounding."""
    precision, _ = curves(relevant)
    total, found = 0.0, [sum(relevant[: rank + 1]) for rank in range(len(relevant))]
    for tenths in range(11):
        total += max(p for p, m in zip(precision, found, strict=True) if 10 * m >= tenths * sum(relevant))
    return total / 11


def released(batches):
    """Mean average precision, and the precision at every rank, as the released code has them."""
    total, count, sums = 0.0, 0, []
    for batch in batches:
        for relevant in batch:
            precision, recall = curves(relevant)
            for rank in reversed(range(min(len(batch), len(relevant)) - 1)):  # the batch's length, not the list's
                precision[rank] = max(precision[rank], precision[rank + 1])
            for step in range(11):
                level = step * 0.1
                nearest = min(range(len(recall)), key=lambda rank: abs(recall[rank] - level))
                total += precision[nearest] / 11
            sums = [a + b for a, b in zip(sums or [0.0] * len(precision), precision, strict=True)]
            count += 1
    return total / count, [value / count for value in sums]
