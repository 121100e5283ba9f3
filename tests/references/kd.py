"""KD as the paper writes it: one image and one class at a time."""


def kd_loss(student_logits, teacher_logits, temperature):
    total = 0.0
    for z_s, z_t in zip(student_logits, teacher_logits, strict=True):
        q = (z_s / temperature).exp() / (z_s / temperature).exp().sum()
        p = (z_t / temperature).exp() / (z_t / temperature).exp().sum()
        for k in range(len(z_s)):
            total = total + p[k] * (p[k].log() - q[k].log())
    return temperature**2 * total / len(student_logits)


def standardised_kd_loss(student_logits, teacher_logits, temperature):
    """KD with logit standardisation: the z-score of each image's logits first."""
    student, teacher = ([_z_score(z) for z in logits] for logits in (student_logits, teacher_logits))
    return kd_loss(student, teacher, temperature)


def _z_score(z):
    mean = sum(z) / len(z)
    deviation = (sum((entry - mean) ** 2 for entry in z) / (len(z) - 1)) ** 0.5
    return (z - mean) / (deviation + 1e-7)
