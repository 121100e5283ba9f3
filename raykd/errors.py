"""Which errors are meant for the person who runs raykd, which are faults of the program, and how they are told."""

import difflib
import errno
import traceback
from collections.abc import Iterable
from pathlib import Path

EXPECTED = (ValueError, KeyError, OSError, RuntimeError)
_MOST_CHOICES = 30  # a line that a person can still read
_PACKAGE = Path(__file__).parent
_OF_THE_MACHINE = {
    getattr(errno, name)
    for name in ("ENOENT", "EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "ENOTDIR", "EISDIR", "ENAMETOOLONG")
}


class TakenOverError(RuntimeError):
    """A trial is trained by other workers by now; nothing more may be written of it."""


def is_for_the_user(error: BaseException) -> bool:
    """Whether raykd raised an error itself, with a line for its user, or the machine refused a file.

    The last frame alone does not tell: an error of PyTorch's compiled code, or of `table[key]`, ends in raykd's
    frame too. So the line there has to be a `raise`.
    """
    if not isinstance(error, EXPECTED):
        return False
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        return True
    last = traceback.extract_tb(error.__traceback__)[-1]
    return Path(last.filename).is_relative_to(_PACKAGE) and (last.line or "").startswith("raise ")


def one_line(error: BaseException) -> str:
    """What an error says, on one line; of a refused file its name and the machine's reason."""
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    return " ".join(str(text).split())


def nearest(name: str, choices: Iterable[str]) -> str:
    """The choices that look like `name`, or else the first of them, as words for an error message."""
    choices = list(choices)
    if close := difflib.get_close_matches(name, choices, n=3, cutoff=0.6):
        return f"did you mean {', '.join(close)}"
    more = f" and {len(choices) - _MOST_CHOICES} more" if len(choices) > _MOST_CHOICES else ""
    return f"choices: {', '.join(choices[:_MOST_CHOICES]) or 'none'}{more}"
