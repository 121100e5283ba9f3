"""What may be typed: a file a command, with its help and its options; what the command does is `raykd.commands.NAME`.

These files load neither PyTorch nor Ray, so that `--help` and a mistyped option need not wait for them: a command's
`run` imports what it needs. `raykd NAME` (`raykd.__main__`) and `launch/NAME.py` both read them.
"""

import argparse
import shlex
from typing import Any, Protocol, runtime_checkable

from raykd.commands import called, parse, run_with_clear_errors


@runtime_checkable
class Command(Protocol):
    """A module of this package. Its docstring is the help, in which `%(prog)s` is the command as it was typed."""

    __doc__: str | None
    __name__: str

    def add_options(self, parser: argparse.ArgumentParser) -> None:
        """Says what may be typed after the command."""
        ...

    def run(self, options: argparse.Namespace) -> int:
        """Does it; 0 when it is done, 130 where it was stopped before."""
        ...


def make_parser(command: Command) -> argparse.ArgumentParser:
    """The command line of a command that is a script of its own."""
    made = argparse.ArgumentParser(prog=shlex.join(called()), **described(command.__doc__))
    command.add_options(made)
    return made


def add_to(commands: "argparse._SubParsersAction[argparse.ArgumentParser]", command: Command) -> None:
    """Makes a command one of several, `raykd NAME`."""
    texts = described(command.__doc__)
    name = command.__name__.rpartition(".")[2]
    made = commands.add_parser(name, help=texts["description"], exit_on_error=False, **texts)
    command.add_options(made)
    made.set_defaults(run=command.run)


def described(text: str | None) -> dict[str, Any]:
    """What every parser is made with: the first line of a docstring, and the rest as examples below the options."""
    about, _, examples = (text or "").partition("\n")
    formatter = argparse.RawDescriptionHelpFormatter
    return {"description": about, "epilog": examples, "formatter_class": formatter, "allow_abbrev": False}


def run_script(command: Command) -> int:
    """Runs a command that is a script of its own; 0 when it is done, 1 after a clear error, 130 after Ctrl-C."""
    return run_with_clear_errors(lambda: command.run(parse(make_parser(command))))
