"""What the commands share: reading what a person typed, and saying in one line what is wrong or what to type next.

Nothing heavy is imported here, so that `--help` and a mistyped option need not wait for PyTorch or Ray.
"""

import argparse
import contextlib
import difflib
import logging
import shlex
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from raykd.errors import InvalidError, is_for_the_user, one_line
from raykd.signals import sigterm_as_ctrl_c
from raykd.storage.address import masked

INTERRUPTED = 130


def parse(parser: argparse.ArgumentParser, arguments: Sequence[str] | None = None) -> argparse.Namespace:
    """The options on the command line; `--help` prints and ends.

    Raises:
        ValueError: an unknown option, with the nearest one; a missing or wrong value; a stray word.
    """
    parser.exit_on_error = False
    try:
        options, unknown = parser.parse_known_args(arguments)
    except argparse.ArgumentError as error:
        raise InvalidError(f"{error.argument_name}: {error.message}") from None
    if unknown:
        raise InvalidError(_unknown(_chosen(parser, options), unknown))
    return options


def run_with_clear_errors(command: Callable[[], int]) -> int:
    """Runs a command; an error that its user can mend becomes one line on the standard error.

    Anything else is a fault of the program and goes on to Python, which shows where it happened. SIGTERM ends a
    command as Ctrl-C does.
    """
    try:
        with sigterm_as_ctrl_c(), _warnings_as_lines():
            return command()
    except KeyboardInterrupt:
        say_error("stopped")
        return INTERRUPTED
    except Exception as error:
        if not is_for_the_user(error):
            raise
        say_error(f"error: {one_line(error)}")
        return 1


@contextlib.contextmanager
def _warnings_as_lines() -> Iterator[None]:
    """Shows what the logger `raykd` warns of on the standard error, in its own words alone."""
    handler, logger = logging.StreamHandler(), logging.getLogger("raykd")
    handler.setLevel(logging.WARNING)
    logger.addHandler(handler)
    try:
        yield
    finally:
        logger.removeHandler(handler)


def say(line: str) -> None:
    """Writes a line before anything that could is loaded."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


def say_error(line: str) -> None:
    """Writes a line to the standard error, where a log may keep it: credentials that were typed are not repeated."""
    sys.stderr.write(f"{masked(line)}\n")


def called() -> list[str]:
    """The words that started this program, as a person would type them here: `raykd`, or `python launch/tune.py`."""
    script = Path(sys.argv[0])
    if script.name == "raykd":
        found = shutil.which("raykd")
        return ["raykd"] if found and Path(found).absolute() == script.absolute() else [sys.argv[0]]
    found = shutil.which("python")
    is_this = found is not None and Path(found).parent == Path(sys.executable).parent
    python = "python" if is_this else sys.executable
    return [python, "-m", "raykd"] if script.parts[-2:] == ("raykd", "__main__.py") else [python, sys.argv[0]]


def called_with_all_commands() -> list[str]:
    """As `called`, to be followed by any command: `python -m raykd` where this program is one of them alone."""
    words = called()
    return words if Path(words[-1]).name == "raykd" else [words[0], "-m", "raykd"]


def again(*more: str, without: Sequence[str] = ()) -> str:
    """The command that runs now, as a person would type it, with more words.

    Args:
        without: options to leave out, with what follows them up to the next option.
    """
    kept: list[str] = []
    drops = False
    for word in sys.argv[1:]:
        drops = word.partition("=")[0] in without if word.startswith("--") else drops
        if not drops:
            kept.append(word)
    return shlex.join([*called(), *kept, *more])


def _chosen(parser: argparse.ArgumentParser, options: argparse.Namespace) -> argparse.ArgumentParser:
    """The parser of the command that was typed, where there are several."""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction) and (name := getattr(options, action.dest)):
            return action.choices[name]
    return parser


def _unknown(parser: argparse.ArgumentParser, unknown: Sequence[str]) -> str:
    words = [word.partition("=")[0] for word in unknown if word.startswith("-")]
    if not words:
        return f"unexpected {unknown[0]!r}: every value follows its option; see --help"
    known = [name for action in parser._actions for name in action.option_strings]
    close = difflib.get_close_matches(words[0], known, n=1)
    return f"unknown option {words[0]}; " + (f"did you mean {close[0]}?" if close else "see --help")
