"""Which of a file's state dicts are its weights: the averaged ones where it has them, or those that are asked for."""

import logging
from pathlib import Path
from typing import Any

import pytest
import torch

from checkpoints import OTHER, Config, Dictionary, S, averaged, saved, under
from raykd.models.weights import read_weights
from tiny import same_weights


def written(folder: Path, content: Any) -> Path:
    (folder / "teacher.pth").write_bytes(saved(content))
    return folder / "teacher.pth"


COUNT = {"step": torch.ones(2)}
# Each holds S as the averaged weights and OTHER as the plain ones.
BOTH: dict[str, tuple[dict[str, Any], str, str]] = {
    "timm": ({"state_dict": OTHER, "state_dict_ema": S}, "state_dict_ema", "state_dict"),
    "torchvision's references": ({"model": OTHER, "model_ema": averaged()}, "model_ema", "model"),
    "DeiT": ({"model_ema": S, "model": OTHER}, "model_ema", "model"),
    "parallel": ({"net": under("module.", OTHER), "ema": S}, "ema", "net"),
    "ema_state_dict": ({"model_state_dict": OTHER, "ema_state_dict": S}, "ema_state_dict", "model_state_dict"),
    "SWA": ({"state_dict": OTHER, "swa_state_dict": averaged()}, "swa_state_dict", "state_dict"),
    "two keys deep": ({"model": OTHER, "ema": {"decay": 0.99, "shadow": S}}, "ema.shadow", "model"),
    "Lightning": ({"state_dict": under("model.", OTHER) | under("model_ema.module.", S)}, "state_dict.model_ema", ""),
    "a wrapper of both": (
        under("ema_model.") | under("online_model.", OTHER) | {"step": torch.ones(2)},
        "ema_model",
        "",
    ),
}


@pytest.mark.parametrize(("content", "key", "plain"), BOTH.values(), ids=list(BOTH))
def test_averaged_weights_are_taken_and_it_is_said(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: dict[str, Any], key: str, plain: str
):
    file = written(tmp_path, content)
    with caplog.at_level(logging.WARNING, "raykd"):
        weights = read_weights(file)
        read_weights(file)
    assert same_weights(weights.state, S)
    assert weights.key == key
    (line,) = caplog.messages  # once, though it was read twice
    passed_over = weights.passed_over[0]
    assert plain in passed_over
    assert line == f"{file} holds {key} and {passed_over}; {key} is taken, and a teacher's `key` chooses another"


@pytest.mark.parametrize(("content", "key", "plain"), BOTH.values(), ids=list(BOTH))
def test_plain_weights_are_taken_where_they_are_asked_for(
    tmp_path: Path, caplog: pytest.LogCaptureFixture, content: dict[str, Any], key: str, plain: str
):
    file = written(tmp_path, content)
    asked = plain or read_weights(file).passed_over[0]
    caplog.clear()
    assert same_weights(read_weights(file, asked).state, OTHER)
    assert same_weights(read_weights(file, key).state, S)
    assert not caplog.messages


def test_averages_of_parameters_alone_are_passed_over(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """They lack the running statistics, without which nobody evaluates."""
    parameters = {name: OTHER[name] for name in OTHER if "running" not in name and "num" not in name}
    weights = read_weights(written(tmp_path, {"model": S, "ema": parameters}))
    assert same_weights(weights.state, S)
    assert caplog.messages[0].endswith("holds model and ema; model is taken, and a teacher's `key` chooses another")


def test_a_module_called_ema_is_one_of_a_network(tmp_path: Path):
    """Efficient multi-scale attention; another module has tensors of the same names."""
    attention = {f"{name}.weight": torch.ones(2, 2) for name in ("ema", "project")}
    assert same_weights(read_weights(written(tmp_path, S | attention)).state, S | attention)


def test_mmengine_has_the_average_under_the_plain_key(tmp_path: Path, caplog: pytest.LogCaptureFixture):
    """Its hook swaps the two when it saves, and keeps a counter beside the other one."""
    other = under("module.", OTHER) | {"steps": torch.tensor(9)}
    file = written(tmp_path, {"state_dict": S, "ema_state_dict": other, "message_hub": {}})
    assert same_weights(read_weights(file).state, S)
    assert not caplog.messages
    assert same_weights(read_weights(file, "ema_state_dict").state, OTHER)


def test_a_key_is_one_on_the_way_too(tmp_path: Path):
    content = {"networks": {"generator": S, "discriminator": OTHER}, "step": 1}
    file = written(tmp_path, content)
    for key in ("generator", "networks.generator"):
        assert same_weights(read_weights(file, key).state, S)
    with pytest.raises(
        ValueError, match=r"several state dicts under the key 'networks'; its state dicts are networks\."
    ):
        read_weights(file, "networks")


def test_a_key_is_a_prefix_too(tmp_path: Path):
    file = written(tmp_path, {"model": under("module.teacher.", OTHER) | under("module.student.", S)})
    assert same_weights(read_weights(file, "teacher").state, OTHER)
    assert same_weights(read_weights(file, "student").state, S)
    byol = written(tmp_path, under("online.") | under("target.", OTHER))
    assert same_weights(read_weights(byol, "target").state, OTHER)


@pytest.mark.parametrize(
    ("content", "key", "message"),
    [
        ([1, 2], None, "must hold a state dict, by itself or under a key; it holds a list"),
        ({"epoch": 1, "opt": 2}, None, "must hold a state dict, .*; it holds epoch, opt$"),
        ({}, None, "it holds nothing"),
        ({"model": {"a": 1}}, None, "it holds model"),
        ({str(number): 0 for number in range(9)}, None, "it holds 0, 1, 2, 3, 4 and 4 more$"),
        ({"model": "resnet18", "accuracy": torch.tensor([90.1, 0.2])}, None, "it holds model, accuracy$"),
        ({"optimizer": {"state": S}, "args": Config()}, None, "it holds optimizer, args$"),
        (list(S.values()), None, "it holds a list"),
        (Dictionary(a=1), None, "it holds a"),
        (
            {"generator": S, "discriminator": OTHER},
            None,
            "holds 2 state dicts, generator, discriminator; choose one of",
        ),
        ({"student": S, "teacher": OTHER}, None, "holds 2 state dicts, student, teacher; choose"),  # DINO's or KD's
        (S, "model", "holds no state dict under the key 'model'; it is a state dict by itself"),
        ({"model": S, "ema": OTHER}, "emma", "no state dict under the key 'emma'; its state dicts are model, ema$"),
    ],
)
def test_a_file_that_leaves_no_choice_or_too_much(tmp_path: Path, content: Any, key: str | None, message: str):
    with pytest.raises(ValueError, match=message) as refused:
        read_weights(written(tmp_path, content), key)
    assert str(refused.value).startswith(f"{tmp_path}/teacher.pth ")
    assert "\n" not in str(refused.value)
