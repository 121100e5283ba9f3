"""Files of weights as others write them: what is read of them, what is refused, and how they are told apart."""

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

from raykd.models.cnn import CNN
from raykd.models.weights import anchored, content, load_weights, read_weights, share
from tiny import IMAGE, NUM_CLASSES, same_weights

NETWORK = CNN(widths=(4, 6)).build(NUM_CLASSES, IMAGE).network
STATE = NETWORK.state_dict()
# As RepDistiller's schedule leaves it: a learning rate that NumPy has multiplied.
OPTIMISER = {"state": {}, "param_groups": [{"lr": np.float64(0.05) * 0.1 ** np.int64(3), "params": [0]}]}
REPDISTILLER = {"epoch": 240, "model": STATE, "accuracy": torch.tensor(79.42), "optimizer": OPTIMISER}


def saved(folder: Path, value: Any, name: str = "ckpt_epoch_240.pth", **options: Any) -> Path:
    torch.save(value, folder / name, **options)
    return folder / name


def prefixed(prefix: str, state: dict[str, Any] = STATE) -> dict[str, Any]:
    return {prefix + name: value for name, value in state.items()}


# what is read


def test_a_checkpoint_of_repdistiller(tmp_path: Path):
    weights = read_weights(saved(tmp_path, REPDISTILLER))
    assert same_weights(weights.state, STATE)
    assert weights.epoch == 240
    assert weights.accuracy == pytest.approx(79.42)


def test_a_checkpoint_from_before_numpy_2_and_the_zip_format(tmp_path: Path):
    file = saved(tmp_path, REPDISTILLER, _use_new_zipfile_serialization=False)
    old = file.read_bytes().replace(b"numpy._core.multiarray", b"numpy.core.multiarray")
    assert old != file.read_bytes()
    file.write_bytes(old)
    assert same_weights(read_weights(file).state, STATE)


def test_a_student_of_mdistiller(tmp_path: Path):
    weights = read_weights(saved(tmp_path, {"model": STATE}, "student_best"))
    assert same_weights(weights.state, STATE)
    assert (weights.epoch, weights.accuracy) == (None, None)


def test_of_a_whole_run_of_mdistiller_the_student(tmp_path: Path):
    modules = prefixed("module.student.") | prefixed("module.teacher.", {"fc.weight": torch.zeros(2, 2)})
    weights = read_weights(saved(tmp_path, {"epoch": 7, "model": modules, "best_acc": torch.tensor([50.0])}, "latest"))
    assert same_weights(weights.state, STATE)
    assert (weights.epoch, weights.accuracy) == (7, 50)


@pytest.mark.parametrize("value", [STATE, prefixed("module."), {"state_dict": STATE, "epoch": 3}, {"net": STATE}])
def test_plain_state_dicts_and_others(tmp_path: Path, value: dict[str, Any]):
    assert same_weights(read_weights(saved(tmp_path, value)).state, STATE)


def test_safetensors(tmp_path: Path):
    save_file(STATE, tmp_path / "student.safetensors")
    assert same_weights(read_weights(tmp_path / "student.safetensors").state, STATE)


@pytest.mark.parametrize("value", [0.5, 100, torch.tensor([25.0]), np.float32(25)])
def test_an_accuracy_is_as_the_file_says_it(tmp_path: Path, value: Any):
    assert read_weights(saved(tmp_path, {"model": STATE, "accuracy": value})).accuracy == float(value)


@pytest.mark.parametrize("value", ["0.9", None, [0.9], float("nan")])
def test_what_is_no_number_is_no_accuracy(tmp_path: Path, value: Any):
    assert read_weights(saved(tmp_path, {"model": STATE, "accuracy": value})).accuracy is None


@pytest.mark.parametrize(
    ("told", "measured", "num_classes", "read_as"),
    [
        (79.42, 0.1, 10, 0.7942),  # above 1 it is percent, whatever was measured
        (1.5, 0.9, 10, 0.015),
        (0.9, 0.88, 10, 0.9),
        (0.9, 0.02, 10, 0.9),  # 0.9 % is below chance: nobody keeps such weights
        (0.9, 0.012, 1000, 0.009),  # of 1000 classes it is above
        (0.9, 0.8, 1000, 0.9),
        (1.0, 0.99, 200, 1.0),
        (1.0, 0.02, 200, 0.01),
        (0.0, 0.5, 10, 0.0),
        (100.0, 0.5, 10, 1.0),
        (-1.0, 0.5, 10, None),
        (9423.0, 0.9, 10, None),  # how many were right
    ],
)
def test_what_was_measured_decides_what_an_accuracy_means(
    told: float, measured: float, num_classes: int, read_as: float | None
):
    assert share(told, measured, num_classes) == (None if read_as is None else pytest.approx(read_as))


# what is refused


@pytest.mark.parametrize("name", ["torn.pth", "torn.safetensors"])
@pytest.mark.parametrize("size", [0, 300])
def test_a_torn_file(tmp_path: Path, name: str, size: int):
    file = saved(tmp_path, STATE, name)
    file.write_bytes(file.read_bytes()[:size])
    with pytest.raises(ValueError, match=rf"{name} is no whole file of weights"):
        read_weights(file)


def test_a_folder(tmp_path: Path):
    saved(tmp_path, STATE, "best.pth")
    with pytest.raises(ValueError, match=r"' is a folder; name the file of weights in it, which holds best\.pth$"):
        read_weights(tmp_path)


def test_a_file_that_is_not_there():
    with pytest.raises(FileNotFoundError, match=r"no file of weights 'nowhere/teacher\.pth'"):
        read_weights("nowhere/teacher.pth")


# whose weights they are


def test_weights_are_put_in_place():
    other = CNN(widths=(4, 6)).build(NUM_CLASSES, IMAGE).network
    load_weights(other, STATE, "teacher.pth", "CNN")
    assert same_weights(other.state_dict(), STATE)


def test_weights_of_another_network_are_told_in_one_line():
    names = list(STATE)
    state = {name: value for name, value in STATE.items() if name not in names[:4]}
    state |= {"more.weight": torch.zeros(2), names[-2]: torch.zeros(5, 7)}
    shape = " x ".join(map(str, STATE[names[-2]].shape))
    with pytest.raises(ValueError, match="does not hold the weights") as refused:
        load_weights(NETWORK, state, "teacher.pth", "CNN")
    assert str(refused.value) == (
        f"teacher.pth does not hold the weights of this CNN: missing {names[0]}, {names[1]} and 2 more; "
        f"unexpected more.weight; {names[-2]} is 5 x 7, not {shape}"
    )


# how files are told apart


def test_a_file_is_its_content(tmp_path: Path):
    one, other = saved(tmp_path, STATE, "one.pth"), tmp_path / "other.pth"
    other.write_bytes(one.read_bytes())
    assert content(one) == content(other)
    other.write_bytes(one.read_bytes() + b" ")
    assert content(one) != content(other)


def test_a_file_is_read_again_only_when_it_changes(tmp_path: Path):
    file = tmp_path / "weights.pth"
    file.write_bytes(b"1234")
    first, seen = content(file), file.stat()
    file.write_bytes(b"5678")
    os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns))
    assert content(file) == first  # same size, same time: it was not read
    os.utime(file, ns=(seen.st_atime_ns, seen.st_mtime_ns + 1))
    assert content(file) != first


def test_paths_are_those_of_every_working_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.chdir(tmp_path)
    assert anchored("a/b.pth") == str(tmp_path / "a/b.pth")
    assert anchored("/a/b.pth") == "/a/b.pth"
    assert anchored("~/b.pth") == "~/b.pth"
