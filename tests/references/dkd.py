"""Decoupled distillation: one image and one class at a time."""


def dkd_loss(student_logits, teacher_logits, targets, alpha, beta, temperature):
    total = 0.0
    for z_s, z_t, y in zip(student_logits, teacher_logits, targets.tolist(), strict=True):
        q, p = ((z / temperature).exp() / (z / temperature).exp().sum() for z in (z_s, z_t))
        true = p[y] * (p[y] / q[y]).log() + (1 - p[y]) * ((1 - p[y]) / (1 - q[y])).log()
        others = 0.0
        for k in range(len(q)):
            if k != y:
                p_k, q_k = p[k] / (1 - p[y]), q[k] / (1 - q[y])
                others = others + p_k * (p_k / q_k).log()
        total = total + alpha * true + beta * others
    return temperature**2 * total / len(targets)
