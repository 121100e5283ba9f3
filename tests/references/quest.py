"""QUEST as the paper writes it: one image, one place and one word at a time."""

import torch


def assign_words(features, words, temperature):
    batch, _, height, width = features.shape
    result = features.new_zeros(batch, height, width, len(words))
    for b in range(batch):
        for y in range(height):
            for x in range(width):
                distances = torch.stack([((features[b, :, y, x] - word) ** 2).sum() for word in words])
                weights = (-distances / temperature).exp()
                result[b, y, x] = weights / weights.sum()
    return result


def predict_words(features, weight, scale):
    batch, _, height, width = features.shape
    result = features.new_zeros(batch, height, width, len(weight))
    for b in range(batch):
        for y in range(height):
            for x in range(width):
                for k, row in enumerate(weight):
                    own = features[b, :, y, x]
                    result[b, y, x, k] = scale * (own @ row) / (own.norm() * row.norm())
    return result


def quest_loss(scores, assignment):
    total, places = 0.0, 0
    for q, p in zip(scores.flatten(0, 2), assignment.flatten(0, 2), strict=True):
        predicted = q.exp() / q.exp().sum()
        for k in range(len(q)):
            total = total + p[k] * (p[k].log() - predicted[k].log())
        places += 1
    return total / places
