"""DIST: one image, then one class at a time."""


def dist_loss(student_logits, teacher_logits, beta, gamma, temperature):
    own, other = ([_softmax(z / temperature) for z in logits] for logits in (student_logits, teacher_logits))
    num_images, num_classes = student_logits.shape
    between = sum(_pearson(list(own[i]), list(other[i])) for i in range(num_images)) / num_images
    within = 0.0
    for j in range(num_classes):
        within = within + _pearson([row[j] for row in own], [row[j] for row in other]) / num_classes
    return temperature**2 * (beta * (1 - between) + gamma * (1 - within))


def _softmax(z):
    return z.exp() / z.exp().sum()


def _pearson(a, b):
    mean_a, mean_b = sum(a) / len(a), sum(b) / len(b)
    covariance = sum((x - mean_a) * (y - mean_b) for x, y in zip(a, b, strict=True))
    squares_a, squares_b = sum((x - mean_a) ** 2 for x in a), sum((y - mean_b) ** 2 for y in b)
    return covariance / (squares_a**0.5 * squares_b**0.5 + 1e-8)
