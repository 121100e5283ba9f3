"""The virtual teacher as the paper and its code have it: one image and one class at a time."""


def virtual_teacher_loss(logits, targets, correct_probability, temperature):
    total = 0.0
    for z, c in zip(logits, targets, strict=True):
        num_classes = len(z)
        p = z.exp() / z.exp().sum()
        u = [
            z.new_tensor(correct_probability if k == c else (1 - correct_probability) / (num_classes - 1))
            for k in range(num_classes)
        ]
        norm = sum((entry / temperature).exp() for entry in u)
        for k in range(num_classes):
            softened = (u[k] / temperature).exp() / norm
            total = total + softened * (softened.log() - p[k].log())
    return total / len(logits)
