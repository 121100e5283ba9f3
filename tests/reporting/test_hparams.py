"""The HParams tab, as a real TensorBoard server gives it, beside runs written by the listeners."""

import json
import re
import subprocess
import sys
import threading
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from helpers import Epoch, epochs
from raykd.reporting import hparams
from raykd.reporting.search_board import write_experiment
from raykd.reporting.tensorboard import tensorboard

RANGES = {
    "schedule": CategoricalDistribution(("constant", "cosine")),
    "flip": CategoricalDistribution((False, True)),
    "momentum": CategoricalDistribution((0.0, 0.9)),
    "words": IntDistribution(16, 512, log=True),
    "temperature": FloatDistribution(1.0, 20.0, log=True),
    "schedule/end": FloatDistribution(0.0, 1.0),
}
METRICS = ("val/accuracy", "train/loss")

Ask = Callable[[str, dict[str, Any]], Any]


@pytest.fixture(scope="module")
def ask(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Asks TensorBoard's server, which reads trials in each state that a trial may be in."""
    root = tmp_path_factory.mktemp("storage")
    write_experiment(root / "experiment", RANGES, METRICS)
    constant = {"schedule": "constant", "flip": False, "momentum": 0.9, "words": 32, "temperature": 4.0}
    cosine = constant | {"schedule": "cosine", "schedule/end": 0.5, "flip": True}
    list(tensorboard(epochs(3), root / "finished", constant))
    stopped = tensorboard(epochs(3), root / "stopped", cosine)
    next(stopped)
    stopped.close()
    list(tensorboard(epochs(3, diverged=True), root / "diverged", constant))
    with pytest.raises(RuntimeError, match="out of memory"):
        list(tensorboard(failing(), root / "failed", constant))
    with pytest.raises(RuntimeError, match="out of memory"):
        list(tensorboard(failing(), root / "resumed", constant))
    list(tensorboard(epochs(3, first=2), root / "resumed", constant, resumed_at=1))
    running = tensorboard(epochs(3), root / "running", cosine)
    next(running)
    yield from serve(root)
    running.close()


def failing() -> Iterator[Epoch]:
    yield from epochs(1)
    raise RuntimeError("out of memory")


def serve(folder: Path) -> Iterator[Ask]:
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--host", "127.0.0.1", "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True) as server:
        assert server.stderr is not None
        said = ""
        while not (address := re.search(r"http://127\.0\.0\.1:\d+", said)):  # at the port that was free
            line = server.stderr.readline()
            assert line, f"TensorBoard did not start:\n{said}"
            said += line
        drain = threading.Thread(target=server.stderr.read)
        drain.start()
        yield lambda path, question: _post(f"{address[0]}/data/plugin/hparams/{path}", question)
        server.terminate()
        drain.join()


def _post(url: str, question: dict[str, Any]) -> Any:
    headers = {"Content-Type": "application/json"}
    request = urllib.request.Request(url, json.dumps({"experimentName": "", **question}).encode(), headers)
    with urllib.request.urlopen(request, timeout=20) as answer:
        return json.loads(answer.read())


def groups(ask: Ask) -> dict[str, Any]:
    statuses = ["STATUS_UNKNOWN", "STATUS_SUCCESS", "STATUS_FAILURE", "STATUS_RUNNING"]
    answer = ask("session_groups", {"allowedStatuses": statuses, "colParams": [], "startIndex": 0, "sliceSize": 100})
    return {group["name"]: group for group in answer["sessionGroups"]}


def test_every_hyperparameter_has_its_column_with_its_range(ask: Ask):
    infos = {info["name"]: info for info in ask("experiment", {})["hparamInfos"]}
    assert infos.keys() == RANGES.keys()
    assert infos["schedule"]["type"] == "DATA_TYPE_STRING"
    assert infos["schedule"]["domainDiscrete"] == ["constant", "cosine"]
    assert infos["flip"]["type"] == "DATA_TYPE_BOOL"
    assert infos["flip"]["domainDiscrete"] == [False, True]
    assert infos["momentum"]["type"] == "DATA_TYPE_FLOAT64"
    assert infos["momentum"]["domainDiscrete"] == [0.0, 0.9]
    assert infos["words"]["type"] == "DATA_TYPE_FLOAT64"
    assert infos["words"]["domainInterval"] == {"minValue": 16, "maxValue": 512}
    assert infos["temperature"]["description"] == "1.0 to 20.0 (log)"


def test_metrics_are_columns(ask: Ask):
    tags = [info["name"]["tag"] for info in ask("experiment", {})["metricInfos"]]
    assert tags == list(METRICS)


@pytest.mark.parametrize(
    ("trial", "status"),
    [
        ("finished", "STATUS_SUCCESS"),
        ("stopped", "STATUS_SUCCESS"),  # by a scheduler: the caller closes the generator
        ("diverged", "STATUS_FAILURE"),
        ("failed", "STATUS_FAILURE"),
        ("resumed", "STATUS_SUCCESS"),  # after it failed
        ("running", "STATUS_UNKNOWN"),
    ],
)
def test_status(ask: Ask, trial: str, status: str):
    sessions = groups(ask)[trial]["sessions"]
    assert [session["status"] for session in sessions] == [status]


def test_values_are_those_of_the_trial(ask: Ask):
    assert groups(ask)["finished"]["hparams"] == {
        "schedule": "constant",
        "flip": False,
        "momentum": 0.9,
        "words": 32.0,
        "temperature": 4.0,
    }
    assert groups(ask)["running"]["hparams"]["schedule/end"] == 0.5


def test_metrics_are_the_last_epochs(ask: Ask):
    values = {value["name"]["tag"]: value for value in groups(ask)["finished"]["metricValues"]}
    assert values["val/accuracy"]["value"] == pytest.approx(0.3)
    assert values["val/accuracy"]["trainingStep"] == 3


def test_choices_of_several_kinds_are_words():
    kinds = hparams.experiment({"width": CategoricalDistribution((None, 8, "auto"))}, (), 0.0)
    assert kinds.value[0].metadata.plugin_data.content.count(b"none") == 1
