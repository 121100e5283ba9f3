"""Teachers that somebody has: files of weights of networks that know the tiny validation images by heart."""

from pathlib import Path
from typing import Any

import torch
from torch.nn import functional as F

from raykd.data.dataset import load
from raykd.models.cnn import CNN
from raykd.models.staged import Staged
from tiny import TinyData

MODEL = CNN(widths=(6, 8))
CPU = torch.device("cpu")


def untrained(seed: int = 0, data: TinyData = TinyData(), model: Any = MODEL) -> Staged:  # noqa: B008
    dataset = load(data, CPU)
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        return model.build(dataset.num_classes, dataset.image_shape)


def knowing(seed: int = 0) -> Staged:
    """A network with every validation image right."""
    dataset, network = load(TinyData(), CPU), untrained(seed)
    (batch,) = dataset.plain(dataset.validation)
    optimiser = torch.optim.Adam(network.parameters(), 0.03)
    for _ in range(100):
        optimiser.zero_grad()
        F.cross_entropy(network(batch.images).logits, batch.targets).backward()
        optimiser.step()
    with torch.no_grad():
        for _ in range(50):  # until the running statistics are those of the images
            network(batch.images)
        assert bool((network.eval()(batch.images).logits.argmax(dim=1) == batch.targets).all())
    return network


def save(network: Staged, path: Path, **told: Any) -> Path:
    """A file as RepDistiller writes it."""
    path.parent.mkdir(parents=True, exist_ok=True)
    torch.save({"model": network.network.state_dict(), **told}, path)
    return path
