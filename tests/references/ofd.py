"""The overhaul of feature distillation: one entry at a time, in the three cases of the published loss."""

import torch


def ofd_loss(student, teacher, margin):
    total = torch.zeros((), dtype=student.dtype)
    for image in range(len(student)):
        for channel in range(student.shape[1]):
            least = margin[channel]
            places = zip(student[image, channel].flatten(), teacher[image, channel].flatten(), strict=True)
            for mine, theirs in places:
                if theirs > 0 or (theirs > least and mine > theirs):
                    total = total + (mine - theirs) ** 2
                elif theirs <= least and mine > least:
                    total = total + (mine - least) ** 2
    return total / len(student)


def channel_margin(mean, std, num_steps=200_000):
    """The mean of a normal distribution below 0, by adding up its density, to 12 deviations from its mean."""
    lowest = mean - 12 * std
    step = -lowest / num_steps
    values = lowest + step * (torch.arange(num_steps, dtype=torch.float64) + 0.5)
    density = torch.exp(-(((values - mean) / std) ** 2) / 2)
    return (density * values).sum() / density.sum()
