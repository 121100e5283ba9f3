"""What the commands under `launch/` share: reading what a person typed, and saying in one line what is wrong.

Nothing heavy is imported here, so that `--help` and a mistyped option need not wait for PyTorch or Ray.
"""

import argparse
import difflib
import errno
import shlex
import sys
import traceback
from collections.abc import Callable, Sequence
from pathlib import Path

INTERRUPTED = 130
_PACKAGE = Path(__file__).parents[1]
_EXPECTED = (ValueError, KeyError, OSError, RuntimeError)
_OF_THE_MACHINE = {
    getattr(errno, name)
    for name in ("ENOENT", "EACCES", "EPERM", "EROFS", "ENOSPC", "EDQUOT", "ENOTDIR", "EISDIR", "ENAMETOOLONG")
}


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options on the command line; `--help` prints and ends.

    Raises:
        ValueError: an unknown option, with the nearest one; a missing or wrong value; a stray word.
    """
    parser.exit_on_error = False
    try:
        options, unknown = parser.parse_known_args(arguments)
    except argparse.ArgumentError as error:
        raise ValueError(f"{error.argument_name}: {error.message}") from None
    if unknown:
        raise ValueError(_unknown(parser, unknown))
    return options


def run_with_clear_errors(command: Callable[[], int]) -> int:
    """Runs a command; an error that its user can mend becomes one line on the standard error.

    Anything else is a fault of the program and goes on to Python, which shows where it happened.
    """
    try:
        return command()
    except KeyboardInterrupt:
        say_error("stopped")
        return INTERRUPTED
    except _EXPECTED as error:
        if not _is_for_the_user(error):
            raise
        say_error(f"error: {_one_line(error)}")
        return 1


def say_error(line: str) -> None:
    sys.stderr.write(f"{line}\n")


def again(*more: str) -> str:
    """The command that runs now, as a person would type it, with more words."""
    return shlex.join(["python", *sys.argv, *more])


def _unknown(parser: argparse.ArgumentParser, unknown: Sequence[str]) -> str:
    words = [word.partition("=")[0] for word in unknown if word.startswith("-")]
    if not words:
        return f"unexpected {unknown[0]!r}: every value follows its option; see --help"
    known = [name for action in parser._actions for name in action.option_strings]
    close = difflib.get_close_matches(words[0], known, n=1)
    return f"unknown option {words[0]}; " + (f"did you mean {close[0]}?" if close else "see --help")


def _is_for_the_user(error: BaseException) -> bool:
    """Whether raykd raised an error itself, with a line for its user, or the machine refused a file.

    The last frame alone does not tell: an error of PyTorch's compiled code, or of `table[key]`, ends in raykd's
    frame too. So the line there has to be a `raise`.
    """
    if isinstance(error, OSError) and error.errno in _OF_THE_MACHINE:
        return True
    last = traceback.extract_tb(error.__traceback__)[-1]
    return Path(last.filename).is_relative_to(_PACKAGE) and (last.line or "").startswith("raise ")


def _one_line(error: BaseException) -> str:
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    text = error.args[0] if isinstance(error, KeyError) and error.args else error
    return " ".join(str(text).split())
