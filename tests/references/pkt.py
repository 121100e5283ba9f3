"""Probabilistic knowledge transfer: one pair of images at a time."""


def pkt_loss(student, teacher):
    num, total = len(student), 0.0
    for i in range(num):
        own = [_kernel(student[i], student[j]) for j in range(num)]
        other = [_kernel(teacher[i], teacher[j]) for j in range(num)]
        for j in range(num):
            q, p = own[j] / sum(own), other[j] / sum(other)
            total = total + p * ((p + 1e-7) / (q + 1e-7)).log()
    return total / num**2


def _kernel(a, b):
    return ((a / (a.norm() + 1e-7)) @ (b / (b.norm() + 1e-7)) + 1) / 2
