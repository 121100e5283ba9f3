"""The folder that everything is written to: what a run in it may be called, and whether it can be written."""

import os
import re
from pathlib import Path

from raykd.errors import InvalidError, NotPermittedError

ARTIFACTS, TEACHERS = "artifacts", "teachers"
BOARD = "tensorboard"  # of a search or a single run, a folder in it for each trial
CONFIRMATION_BOARD = "tensorboard-confirmation"  # of a search's confirmation, a folder in it for each of its runs
BOARD_OF_SEARCH = f"{BOARD}/search"  # the run of TensorBoard that tells of the search itself
BOARD_OF_TEACHER = f"{BOARD}/teacher"  # the run that is a line for trials to be compared with
# Files of a search or a trial that are read without PyTorch too.
SEARCH, SUMMARY, TRIALS, RECIPE, EPOCHS = "search.json", "summary.json", "trials", "recipe.json", "epochs.jsonl"
CONFIRMATION_TABLE = "confirmation.csv"
JOURNAL = "optuna.journal"  # the search as a study of Optuna's
# What a search needs to go on lies in one folder of its own, where nobody who looks at what it found need see it.
INNER = ".raykd"
GROUPS = f"{INNER}/groups"  # Ray Train's own files
LEDGER, LOCK = f"{INNER}/ledger", f"{INNER}/running.lock"
# What a search and others talk by: it is to stop; in an object store alone, as there are no locks, it is alive.
STOP, HEARTBEAT = f"{INNER}/stop", f"{INNER}/running.json"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def check_name(name: str) -> None:
    """Refuses a name that is no plain folder's, or that the storage itself uses.

    Raises:
        ValueError: the rule, and the name.
    """
    if not is_plain(name):
        raise InvalidError(
            f"a name has letters, digits, '-', '_' and '.', and begins with a letter or digit, got {name!r}"
        )
    if name in (ARTIFACTS, TEACHERS):
        raise InvalidError(f"{name!r} is a folder of the storage itself; choose another name")


def is_plain(name: str) -> bool:
    """Whether a name is that of a folder or a file alone, and leads nowhere else."""
    return _NAME.fullmatch(name) is not None


def is_inside(name: str) -> bool:
    """Whether a name relative to a folder, with folders in it or not, stays within that folder."""
    return not Path(name).is_absolute() and ".." not in Path(name).parts


def check_writable(storage: Path) -> None:
    """Makes the storage where it is missing, and a file in it for a moment.

    Raises:
        PermissionError: one of them fails, with the reason.
    """
    probe = storage / f".raykd-{os.getpid()}"
    try:
        storage.mkdir(parents=True, exist_ok=True)
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise NotPermittedError(f"cannot write to the storage {storage}: {error.strerror}") from None


def folders(storage: Path) -> list[Path]:
    """The searches in a storage; the one that was started, or given more trials, last comes last."""
    return [file.parent for file in sorted(storage.glob(f"*/{SEARCH}"), key=os.path.getmtime)]
