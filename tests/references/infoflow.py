"""Information flow as the authors' code has it: one pair of images at a time."""


def transfer_loss(student, teacher, kernel="combined", divergence="jeffreys"):
    total = 0.0
    if kernel in ("combined", "cosine"):
        total = total + _mean_divergence(
            student, teacher, _cosine(1e-6 if divergence == "jeffreys" else 1e-7), divergence
        )
    if kernel in ("combined", "student_t"):
        total = total + _mean_divergence(student, teacher, _student_t, divergence)
    return total


def layer_weights(epoch, num_layers, initial, decay, epochs):
    weight = initial
    for _ in range(epoch):
        weight *= decay ** (50 / epochs)
    return [weight] * (num_layers - 1) + [1.0]


def _cosine(epsilon):
    return lambda a, b: 0.5 * ((a / (a.norm() + epsilon)) @ (b / (b.norm() + epsilon)) + 1)


def _student_t(a, b):
    return 1 / (1 + (((a - b) ** 2).sum() + 1e-6).sqrt())


def _mean_divergence(student, teacher, kernel, divergence):
    num, total = len(student), 0.0
    for i in range(num):
        own = [kernel(student[i], student[j]) for j in range(num)]
        other = [kernel(teacher[i], teacher[j]) for j in range(num)]
        for j in range(num):
            q, p = own[j] / sum(own), other[j] / sum(other)
            if divergence == "jeffreys":
                total = total + (p - q) * (p.log() - q.log())
            else:
                total = total + p * ((p + 1e-7) / (q + 1e-7)).log()
    return total / num**2
