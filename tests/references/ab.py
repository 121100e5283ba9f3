"""Activation boundaries: one neuron of one image at a time, and the stages' weights written out."""


def ab_loss(student, teacher, margin):
    total = 0.0
    for own, other in zip(student, teacher, strict=True):
        for s, t in zip(own.flatten(), other.flatten(), strict=True):
            if t <= 0 and s > -margin:
                total = total + (s + margin) ** 2
            if t > 0 and s <= margin:
                total = total + (s - margin) ** 2
    return total / len(student) / 1000 * 3


def start_loss(students, teachers, margin):
    count = len(students)
    pairs = zip(students, teachers, strict=True)
    return sum(2 ** (k - count) * ab_loss(own, other, margin) for k, (own, other) in enumerate(pairs, start=1))
