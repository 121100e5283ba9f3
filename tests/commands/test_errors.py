"""Which errors of a command are its user's, and become one line, and which are faults of the program."""

import errno
import logging
import os
import pickle
import signal
import time
from pathlib import Path

import pytest
import torch

from raykd.commands import INTERRUPTED, run_with_clear_errors
from raykd.data.digits import Digits
from raykd.errors import (
    AlreadyExistsError,
    FailureError,
    InvalidError,
    MissingError,
    NotPermittedError,
    StorageError,
    UnknownNameError,
    UnreachableError,
    UserError,
)
from raykd.models.cnn import CNN
from raykd.recipe import Recipe
from raykd.space.ranges import override
from raykd.space.serialise import from_file
from raykd.storage.artifacts import Store


def test_a_command_that_works_gives_its_own_code(capsys: pytest.CaptureFixture[str]):
    assert run_with_clear_errors(lambda: 5) == 5
    assert capsys.readouterr() == ("", "")


def test_ctrl_c(capsys: pytest.CaptureFixture[str]):
    def command() -> int:
        raise KeyboardInterrupt

    assert run_with_clear_errors(command) == INTERRUPTED
    assert capsys.readouterr() == ("", "stopped\n")


def test_sigterm_is_ctrl_c(capsys: pytest.CaptureFixture[str]):
    def command() -> int:
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(5)
        return 0

    before = signal.getsignal(signal.SIGTERM)
    assert run_with_clear_errors(command) == INTERRUPTED
    assert capsys.readouterr() == ("", "stopped\n")
    assert signal.getsignal(signal.SIGTERM) == before


def test_a_warning_is_a_line_on_the_standard_error_while_a_command_runs(capsys: pytest.CaptureFixture[str]):
    logger = logging.getLogger("raykd.storage.retry")

    def command() -> int:
        logger.info("not shown")
        logger.warning("waiting for the storage: %s", "100% full")
        return 0

    assert run_with_clear_errors(command) == 0
    assert run_with_clear_errors(command) == 0
    logger.warning("no command runs")
    assert capsys.readouterr() == ("", "waiting for the storage: 100% full\n" * 2)


def recipe(**changes) -> Recipe:
    return Recipe(data=Digits(), student=CNN(), **changes)


@pytest.mark.parametrize(
    ("mistake", "line"),
    [
        (lambda folder: recipe(epochs=0), "epochs must be at least 1, got 0"),
        (lambda folder: override(recipe(), {"epoch": 3}), "no option 'epoch'; did you mean epochs"),
        (lambda folder: from_file(folder / "none.json"), "{folder}/none.json: No such file or directory"),
        (lambda folder: (folder / "x" / "y").write_text(""), "{folder}/x/y: No such file or directory"),
        (lambda folder: folder.write_text(""), "{folder}: Is a directory"),
    ],
)
def test_what_a_user_can_mend_is_one_line(mistake, line: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    assert run_with_clear_errors(lambda: mistake(tmp_path)) == 1
    assert capsys.readouterr() == ("", f"error: {line.format(folder=tmp_path)}\n")


def test_a_full_disk_is_one_line(capsys: pytest.CaptureFixture[str]):
    def command() -> int:
        raise OSError(errno.ENOSPC, "No space left on device")

    assert run_with_clear_errors(command) == 1
    assert capsys.readouterr() == ("", "error: No space left on device\n")


@pytest.mark.parametrize(
    ("number", "line"),
    [
        (errno.ELOOP, "Too many levels of symbolic links; a link leads back to itself; remove it or name another path"),
        (errno.ESTALE, "Stale file handle; the network's file system was replaced under this program; mount it anew"),
        (errno.EMFILE, "Too many open files; raise the limit by `ulimit -n 65536` and start again"),
        (errno.ENFILE, "Too many open files in system; the whole machine has too many files open; ask who runs it"),
        (errno.EIO, "Input/output error; the disk or its network fails; see the machine's log"),
        (errno.ETIMEDOUT, "Connection timed out; the storage or the network does not answer; start again when it does"),
    ],
)
def test_what_a_machine_rarely_says_has_an_advice(number: int, line: str, capsys: pytest.CaptureFixture[str]):
    def command() -> int:
        raise OSError(number, os.strerror(number), "/data/a")

    assert run_with_clear_errors(command) == 1
    out, err = capsys.readouterr()
    assert not out
    assert err.startswith(f"error: /data/a: {line}")
    assert err.count("\n") == 1


def test_a_loop_of_links_is_one_line(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    (tmp_path / "loop").symlink_to("loop")
    assert run_with_clear_errors(lambda: len((tmp_path / "loop").read_text())) == 1
    assert capsys.readouterr().err.startswith(
        f"error: {tmp_path}/loop: Too many levels of symbolic links; a link leads"
    )


def test_an_error_of_several_lines_becomes_one(capsys: pytest.CaptureFixture[str], tmp_path: Path):
    (tmp_path / "torn.json").write_text('{"type": "two\\nlines"}')
    assert run_with_clear_errors(lambda: from_file(tmp_path / "torn.json")) == 1
    assert capsys.readouterr().err.count("\n") == 1


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (lambda folder: torch.tensor([[1], [2, 3]]), ValueError),  # PyTorch's
        (lambda folder: {}["word"], KeyError),
        (lambda folder: recipe(epochs="many"), Exception),  # TypeError, or what checks types in these tests
    ],
)
def test_a_fault_of_the_program_is_not_hidden(fault, kind: type[Exception], tmp_path: Path):
    with pytest.raises(kind):
        run_with_clear_errors(lambda: len(Store(tmp_path).get("word", "key", fault).parts))


@pytest.mark.parametrize(
    ("kind", "also"),
    [
        (InvalidError, ValueError),
        (UnknownNameError, KeyError),
        (MissingError, FileNotFoundError),
        (AlreadyExistsError, FileExistsError),
        (NotPermittedError, PermissionError),
        (UnreachableError, ConnectionError),
        (StorageError, OSError),
        (FailureError, RuntimeError),
    ],
)
def test_an_error_of_ours_is_for_the_user_and_its_builtin_is_not(
    kind: type[UserError], also: type[Exception], capsys: pytest.CaptureFixture[str]
):
    def command(raised: type[Exception]) -> int:
        raise raised("no word")

    assert issubclass(kind, also)
    assert type(pickle.loads(pickle.dumps(kind("no word")))) is kind  # from a worker to the driver
    assert run_with_clear_errors(lambda: command(kind)) == 1
    assert capsys.readouterr().err == "error: no word\n"
    with pytest.raises(also):
        run_with_clear_errors(lambda: command(also))
    assert capsys.readouterr().err == ""
