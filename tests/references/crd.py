"""Contrastive representation distillation: one image and one of its draws at a time, by Bayes' rule as in the paper."""

import torch


def scores(embeddings, bank, images, temperature):
    rows = []
    for embedding, chosen in zip(embeddings, images.tolist(), strict=True):
        rows.append(torch.stack([(torch.dot(embedding, bank[image]) / temperature).exp() for image in chosen]))
    return torch.stack(rows)


def crd_loss(student, teacher, num_images):
    total = 0.0
    for scores in (student, teacher):
        num_negatives = scores.shape[1] - 1
        for row in scores:
            for place, score in enumerate(row):
                # how likely the image is the anchor's own, drawn once, rather than noise, drawn K times from n images
                own = score / (score + num_negatives / num_images + 1e-7)
                noise = (num_negatives / num_images) / (score + num_negatives / num_images + 1e-7)
                total = total - torch.log(own if place == 0 else noise)
    return total / len(student)
