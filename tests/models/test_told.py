"""What a library and a file tell of the images and the classes that a network was trained with."""

import json
from pathlib import Path
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from raykd.models.cnn import CNN
from raykd.models.eyes import Eyes
from raykd.models.named import network
from raykd.models.told import Told, told_by_file, told_by_library

IMAGENET = {"mean": (0.485, 0.456, 0.406), "std": (0.229, 0.224, 0.225)}
WORDS: dict[str, Any] = {
    "mean": [0.5, 0.25, 0.125],
    "std": [0.5, 0.5, 0.25],
    "input_size": [3, 48, 32],
    "interpolation": "bilinear",
    "classes": ["cat", "dog"],
}
EYES = Eyes(mean=(0.5, 0.25, 0.125), std=(0.5, 0.5, 0.25), size=(48, 32), interpolation="bilinear")
STATE = {"weight": torch.ones(2)}


def test_of_timm():
    told = told_by_library(network("timm/vit_tiny_patch16_224", pretrained=True))
    assert told.eyes == Eyes(mean=(0.5,) * 3, std=(0.5,) * 3, size=(224, 224))
    assert len(told.classes) == 1000
    assert told.classes[0] == "n01440764, tench, Tinca tinca"


def test_of_torchvision():
    told = told_by_library(network("torchvision/resnet50", pretrained=True))
    assert told.eyes == Eyes(**IMAGENET, size=(224, 224), interpolation="bilinear")
    assert told.classes[:2] == ("tench", "goldfish")


@pytest.mark.parametrize("model", [CNN(), network("timm/resnet18"), network("torchvision/resnet18"), None])
def test_of_fresh_weights_nothing(model: object):
    assert told_by_library(model) == Told()


def test_of_a_safetensors_file(tmp_path: Path):
    metadata = {key: value if isinstance(value, str) else json.dumps(value) for key, value in WORDS.items()}
    save_file(STATE, tmp_path / "it.safetensors", metadata=metadata)
    assert told_by_file(tmp_path / "it.safetensors") == Told(eyes=EYES, classes=("cat", "dog"))


@pytest.mark.parametrize(
    "classes",
    [
        {"classes": ["cat", "dog"]},
        {"class_names": ("cat", "dog")},
        {"class_to_idx": {"dog": 1, "cat": 0}},
        {"id2label": {"1": "dog", "0": "cat"}},
    ],
)
def test_of_a_file_of_pytorch(tmp_path: Path, classes: dict):
    words = {key: value for key, value in WORDS.items() if key != "classes"}
    torch.save({"model": STATE, **words, "mean": torch.tensor(words["mean"]), **classes}, tmp_path / "it.pth")
    assert told_by_file(tmp_path / "it.pth") == Told(eyes=EYES, classes=("cat", "dog"))


def test_of_the_hubs_config_next_to_it(tmp_path: Path):
    save_file(STATE, tmp_path / "model.safetensors")
    config = {"architecture": "resnet18", "pretrained_cfg": WORDS, "label_names": ["cat", "dog"]}
    (tmp_path / "config.json").write_text(json.dumps(config))
    assert told_by_file(tmp_path / "model.safetensors") == Told(eyes=EYES, classes=("cat", "dog"))


def test_of_a_plain_state_dict_nothing(tmp_path: Path):
    torch.save(STATE, tmp_path / "it.pth")
    save_file(STATE, tmp_path / "it.safetensors")
    assert told_by_file(tmp_path / "it.pth") == told_by_file(tmp_path / "it.safetensors") == Told()


def test_a_size_is_a_side_or_two(tmp_path: Path):
    for size, expected in ((32, (32, 32)), ([16, 24], (16, 24))):
        torch.save({"model": STATE, "image_size": size}, tmp_path / "it.pth")
        assert told_by_file(tmp_path / "it.pth").eyes == Eyes(size=expected)


@pytest.mark.parametrize("words", [{"mean": [0.5], "std": [0.0]}, {"mean": "red"}, {"input_size": {}}])
def test_what_cannot_be(tmp_path: Path, words: dict):
    torch.save({"model": STATE, **words}, tmp_path / "it.pth")
    with pytest.raises(ValueError, match=r"it\.pth tells of its images what cannot be: "):
        told_by_file(tmp_path / "it.pth")


def test_no_file(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match="no file of weights"):
        told_by_file(tmp_path / "it.pth")
