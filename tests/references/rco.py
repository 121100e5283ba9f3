"""The choice of anchors as the papers' pseudo-code has it."""


def equal_interval(num_epochs, count):
    return [int(num_epochs * k / count) for k in range(1, count + 1)]


def greedy(ratio, num_checkpoints, delta):
    i = 1
    anchors = [i]
    while i < num_checkpoints:
        candidates = []
        for j in range(i + 1, num_checkpoints + 1):
            if ratio(i, j) <= 1 + delta:
                candidates.append(j)
        i = max(candidates) if candidates else i + 1
        anchors.append(i)
    return anchors
