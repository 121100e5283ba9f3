"""The benchmark's form of correlation congruence: one pair of neighbours and one entry at a time."""


def correlation_loss(student, teacher):
    total = 0.0
    for n in range(len(student) - 1):
        for d in range(student.shape[1]):
            first = (student[n, d] - teacher[n, d]).abs()
            second = (student[n + 1, d] - teacher[n + 1, d]).abs()
            total = total + first * second
    return total / (len(student) - 1)
