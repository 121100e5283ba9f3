"""`raykd board`: TensorBoard over the right folders, on loopback, until it is interrupted."""

import json
import re
import signal
import subprocess
import sys
import urllib.request
from pathlib import Path
from typing import Any

import pytest

from helpers import epochs
from raykd.__main__ import main
from raykd.reporting.tensorboard import tensorboard


@pytest.fixture
def storage(tmp_path: Path) -> Path:
    """A storage with two searches, one of them confirmed, and what is no run."""
    for name in (
        "one/tensorboard/00 KD T 3",
        "two/tensorboard/plain KD",
        "one/tensorboard-confirmation/plain KD, seed 1",
    ):
        list(tensorboard(epochs(2), tmp_path / "runs" / name))
    list(tensorboard(epochs(2), tmp_path / "runs/artifacts/route/0123"))
    return tmp_path / "runs"


def runs(*words: str) -> tuple[set[str], int]:
    """What the TensorBoard of a command shows, and the code that the command ends with after Ctrl-C."""
    command = [sys.executable, "-m", "raykd", "board", *words, "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as board:
        assert board.stdout is not None and board.stderr is not None
        address = re.search(r"http://127\.0\.0\.1:\d+", board.stdout.readline())
        assert address is not None, board.stderr.read()
        with urllib.request.urlopen(f"{address[0]}/data/runs", timeout=30) as answer:
            shown: Any = json.loads(answer.read())
        board.send_signal(signal.SIGINT)
        return set(shown), board.wait(30)


def test_a_storage_shows_its_searches_by_their_names_and_nothing_else(storage: Path):
    assert runs(str(storage)) == ({"one/00 KD T 3", "two/plain KD"}, 130)


def test_a_search_shows_its_trials_or_its_confirmation(storage: Path):
    assert runs(str(storage / "one"), "--confirmation") == ({"plain KD, seed 1"}, 130)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["two", "--confirmation"], r"error: no tensorboard-confirmation in .*two; .*tune --storage"),
        (["two", "--port", "70000"], r"error: --port must be 0 to 65535, got 70000"),
    ],
)
def test_what_cannot_be_shown_is_said_in_a_line(
    words: list[str], said: str, storage: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setattr(sys, "argv", ["raykd", "board", str(storage / words[0]), *words[1:]])
    assert main() == 1
    assert re.match(said, capsys.readouterr().err)
