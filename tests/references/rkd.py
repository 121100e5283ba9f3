"""Relational distillation: one pair and one triplet at a time, the entries of an image with itself being 0."""


def rkd_loss(student, teacher, distance_weight=25.0, angle_weight=50.0):
    num = len(student)
    distance, angle = 0.0, 0.0
    own, other = _distances(student), _distances(teacher)
    for pair in own:
        distance = distance + _huber(own[pair] - other[pair])
    for i in range(num):
        for j in range(num):
            for k in range(num):
                if k not in (i, j):
                    angle = angle + _huber(_cosine(student, i, j, k) - _cosine(teacher, i, j, k))
    return distance_weight * distance / num**2 + angle_weight * angle / num**3


def _distances(points):
    pairs = [(i, j) for i in range(len(points)) for j in range(len(points)) if i != j]
    raw = {(i, j): ((points[i] - points[j]) ** 2).sum().sqrt() for i, j in pairs}
    mean = sum(raw.values()) / len(raw)
    return {pair: distance / mean for pair, distance in raw.items()}


def _cosine(points, i, j, k):
    left, right = points[i] - points[k], points[j] - points[k]
    return (left @ right) / (left.norm() * right.norm())


def _huber(difference):
    size = difference.abs()
    return 0.5 * difference**2 if size <= 1 else size - 0.5
