"""KD by torchdistill 1.1.5 (PyPI) as its users run it: its DistillationBox, its KDLoss, the loop of its examples.

It is no dependency of raykd and belongs into a folder of its own, which a benchmark is then told by PYTHONPATH:

    pip install --target FOLDER --no-deps torchdistill==1.1.5 pyyaml
    PYTHONPATH=FOLDER python benchmarks/step.py

Its own box leaves the teacher in the mode that it finds it in; here it is put into eval mode, as is right and as the
published numbers need. The teacher takes no gradient (`requires_grad: False`). Processes that measure what its users
wait for import this file and no raykd.
"""

import importlib
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

import numpy as np
import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import Dataset, RandomSampler
from torchvision import transforms

VERSION = "1.1.5"


def check_installed() -> str:
    """The version that is there.

    Raises:
        SystemExit: none, or another one; one line that says how to get it.
    """
    install = f"pip install --target FOLDER --no-deps torchdistill=={VERSION} pyyaml, then PYTHONPATH=FOLDER"
    try:
        found = importlib.import_module("importlib.metadata").version("torchdistill")
        importlib.import_module("torchdistill.core.distillation")
    except ImportError as error:
        raise SystemExit(f"torchdistill {VERSION} is needed ({error}): {install}") from None
    if found != VERSION:
        raise SystemExit(f"torchdistill {VERSION} is needed, found {found}: {install}")
    return found


class Images(Dataset[tuple[Tensor, int]]):
    """Images in memory as torchvision's own sets hold them: an array of bytes that becomes a PIL image, then a view.

    Args:
        images: bytes, [number, channels, height, width].
    """

    def __init__(self, images: Tensor, labels: Tensor, transform: Callable[[Any], Tensor]):
        self.data: np.ndarray[Any, Any] = images.permute(0, 2, 3, 1).squeeze(3).numpy()
        self.targets: list[int] = labels.tolist()
        self.transform = transform

    def __len__(self) -> int:
        return len(self.targets)

    def __getitem__(self, index: int) -> tuple[Tensor, int]:
        return self.transform(Image.fromarray(self.data[index])), self.targets[index]


def crop_and_flip(side: int, padding: int, mean: Sequence[float], std: Sequence[float]) -> Callable[[Any], Tensor]:
    """The customary training views of small images, by torchvision."""
    return transforms.Compose(
        [
            transforms.RandomCrop(side, padding=padding),
            transforms.RandomHorizontalFlip(),
            transforms.ToTensor(),
            transforms.Normalize(mean, std),
        ]
    )


def whole(mean: Sequence[float], std: Sequence[float]) -> Callable[[Any], Tensor]:
    """The views that are validated on."""
    return transforms.Compose([transforms.ToTensor(), transforms.Normalize(mean, std)])


def kd_box(
    teacher: nn.Module,
    student: nn.Module,
    data: Dataset[tuple[Tensor, int]],
    *,
    temperature: float = 4.0,
    labels: float = 0.1,
    softened: float = 0.9,
    lr: float = 0.05,
    epochs: int = 1,
    batch_size: int = 64,
    device: str = "cpu",
) -> Any:
    """A DistillationBox as its files of settings describe KD; batches are drawn at random, the last short one dropped.

    Args:
        labels, softened: weights of the cross-entropy and of the softened divergence.
    """
    loss = {
        "student_module_path": ".",
        "student_module_io": "output",
        "teacher_module_path": ".",
        "teacher_module_io": "output",
        "temperature": temperature,
        "alpha": labels,
        "beta": softened,
        "reduction": "batchmean",
    }
    config = {
        "num_epochs": epochs,
        "train_data_loader": {
            "dataset_id": "train",
            "sampler": {"class_or_func": RandomSampler, "kwargs": {}},
            "kwargs": {"batch_size": batch_size, "drop_last": True, "num_workers": 0},
        },
        "teacher": {"forward_proc": "forward_batch_only", "requires_grad": False},
        "student": {"forward_proc": "forward_batch_only"},
        "optimizer": {"key": "SGD", "kwargs": {"lr": lr, "momentum": 0.9, "weight_decay": 5e-4}},
        "criterion": {
            "key": "WeightedSumLoss",
            "kwargs": {"sub_terms": {"kd": {"criterion": {"key": "KDLoss", "kwargs": loss}, "weight": 1.0}}},
        },
    }
    distillation = importlib.import_module("torchdistill.core.distillation")
    place = torch.device(device)
    box = distillation.get_distillation_box(teacher, student, {"train": data}, config, place, None, False, 1)
    box.teacher_model.eval()
    return box


def train_epoch(box: Any, epoch: int = 0, batches: Iterable[tuple[Tensor, Tensor, Any]] | None = None) -> int:
    """An epoch by the loop of its examples; gives the images that it saw.

    Args:
        batches: ready ones, in place of those of the box's own loader.
    """
    box.pre_epoch_process(epoch=epoch)
    images = 0
    for sample_batch, targets, supp_dict in _logged(box.train_data_loader if batches is None else batches, epoch):
        sample_batch, targets = sample_batch.to(box.device), targets.to(box.device)
        loss = box.forward_process(sample_batch, targets, supp_dict)
        box.post_forward_process(loss)
        images += len(targets)
        loss.item()  # which its examples log in every step
    box.post_epoch_process()
    return images


def _logged(batches: Iterable[Any], epoch: int) -> Iterator[Any]:
    log = importlib.import_module("torchdistill.misc.log")
    return log.MetricLogger(delimiter="  ").log_every(batches, 1000, f"Epoch: [{epoch}]")
