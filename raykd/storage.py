"""The folder that everything is written to: what a run in it may be called, and whether it can be written."""

import os
import re
from pathlib import Path

ARTIFACTS, TEACHERS = "artifacts", "teachers"
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*")


def check_name(name: str) -> None:
    """Refuses a name that is no plain folder's, or that the storage itself uses.

    Raises:
        ValueError: the rule, and the name.
    """
    if not _NAME.fullmatch(name):
        raise ValueError(
            f"a name has letters, digits, '-', '_' and '.', and begins with a letter or digit, got {name!r}"
        )
    if name in (ARTIFACTS, TEACHERS):
        raise ValueError(f"{name!r} is a folder of the storage itself; choose another name")


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
        raise PermissionError(f"cannot write to the storage {storage}: {error.strerror}") from None
