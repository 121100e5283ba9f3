"""Errors that a person can mend, each told in one line; whatever else is raised is a fault of the program.

A caller catches them as what they also are: `ValueError`, `KeyError`, `FileNotFoundError`, ...
"""

import difflib
import errno
from collections.abc import Iterable

_MOST_CHOICES = 30  # a line that a person can still read
_OF_THE_MACHINE = {
    getattr(errno, name)
    for name in ("ENOENT", "EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "ENOTDIR", "EISDIR", "ENAMETOOLONG")
}
# What to do, where the machine's own words do not say it.
_ADVICE = {
    errno.ELOOP: "a link leads back to itself; remove it or name another path",
    errno.ESTALE: "the network's file system was replaced under this program; mount it anew and start again",
    errno.EMFILE: "raise the limit by `ulimit -n 65536` and start again",
    errno.ENFILE: "the whole machine has too many files open; ask who runs it to raise fs.file-max",
    errno.EIO: "the disk or its network fails; see the machine's log (dmesg), or use another storage",
    errno.ETIMEDOUT: "the storage or the network does not answer; start again when it does",
}


class UserError(Exception):
    """What was asked for cannot be done; the message says in one line what is wrong and what to do about it."""


class InvalidError(UserError, ValueError):
    """A value breaks a rule."""


class UnknownNameError(UserError, KeyError):
    """There is nothing of this name."""


class MissingError(UserError, FileNotFoundError):
    """A file or a folder is not there."""


class AlreadyExistsError(UserError, FileExistsError):
    """What would be made is there already, and nothing is overwritten unasked."""


class NotPermittedError(UserError, PermissionError):
    """A file or a storage may not be read or written."""


class UnreachableError(UserError, ConnectionError):
    """A cluster or a storage does not answer."""


class StorageError(UserError, OSError):
    """What a storage has answered, with the number that a file's error has."""


class FailureError(UserError, RuntimeError):
    """What was begun cannot go on: a training has diverged, a search runs elsewhere, machines did not come."""


class OwnershipLostError(RuntimeError):
    """A trial is trained by other workers by now; nothing more may be written of it."""


def is_for_the_user(error: BaseException) -> bool:
    """Whether an error is one that a person can mend: raykd's own, or a file that the machine refuses."""
    known = _OF_THE_MACHINE | _ADVICE.keys()
    return isinstance(error, UserError) or (isinstance(error, OSError) and error.errno in known)


def one_line(error: BaseException) -> str:
    """What an error says, on one line; of a refused file its name and the reason, and of a rare one what to do.

    Odd bytes of a name that is no UTF-8 are written as numbers, so that any file and screen takes the line.
    """
    if isinstance(error, OSError) and error.strerror:
        text = f"{error.filename}: {error.strerror}" if error.filename else error.strerror
        if not isinstance(error, UserError) and error.errno in _ADVICE:
            text = f"{text}; {_ADVICE[error.errno]}"
    else:
        text = error.args[0] if isinstance(error, KeyError) and error.args else error
    return " ".join(str(text).split()).encode(errors="backslashreplace").decode()


def nearest(name: str, choices: Iterable[str]) -> str:
    """The choices that look like `name`, or else the first of them, as words for an error message."""
    choices = list(choices)
    if close := difflib.get_close_matches(name, choices, n=3, cutoff=0.6):
        return f"did you mean {', '.join(close)}"
    more = f" and {len(choices) - _MOST_CHOICES} more" if len(choices) > _MOST_CHOICES else ""
    return f"choices: {', '.join(choices[:_MOST_CHOICES]) or 'none'}{more}"
