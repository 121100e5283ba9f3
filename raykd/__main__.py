"""Finds the best way to distil a big image classifier into a small one, on a laptop or on a cluster.

    %(prog)s tune --list              the studies that ship with raykd
    %(prog)s tune                     the default one: searches how to distil it, and ends with a table
    %(prog)s status runs              how far the searches in `runs` are
    %(prog)s COMMAND --help           what a command takes

`python -m raykd` is the same as `raykd`.
"""

import argparse
import shlex
import sys

from raykd.commands import called, parse, run_with_clear_errors
from raykd.commands.parsers import (
    Command,
    add_to,
    board,
    confirm,
    described,
    distill,
    evaluate,
    export,
    measure,
    predict,
    profile,
    report,
    status,
    stop,
    teacher,
    tune,
)
from raykd.errors import InvalidError

COMMANDS: tuple[Command, ...] = (
    tune,
    confirm,
    distill,
    teacher,
    evaluate,
    predict,
    export,
    report,
    board,
    profile,
    measure,
    status,
    stop,
)


def main() -> int:
    """Runs a command; 0 when it is done, 1 after a clear error, 130 after Ctrl-C or what does the same."""

    def command() -> int:
        made = parser()
        options = parse(made)
        if options.command is None:
            raise InvalidError(f"needs a command, such as tune; see {made.prog} --help")
        return options.run(options)

    return run_with_clear_errors(command)


def parser() -> argparse.ArgumentParser:
    """The command line, with a parser for each command."""
    made = argparse.ArgumentParser(prog=shlex.join(called()), **described(__doc__))
    commands = made.add_subparsers(title="commands", metavar="COMMAND", dest="command")
    for command in COMMANDS:
        add_to(commands, command)
    return made


if __name__ == "__main__":
    sys.exit(main())
