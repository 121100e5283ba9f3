"""Looks at the searches in a storage from beside, and ends them, while they run or afterwards.

    raykd status STORAGE          every search: how far it is, what runs, the best so far
    raykd status STORAGE/NAME     one search, with its trials
    raykd stop STORAGE/NAME       ends it after its running epochs and keeps all

`python -m raykd` is the same as `raykd`. Neither starts Ray nor loads PyTorch; all that is read are the files in the
storage, so that it works on every machine that sees them. A search is started by launch/tune.py.
"""

import argparse
import sys

from raykd.commands import parse, run_with_clear_errors
from raykd.commands.status import run_status
from raykd.commands.stop import run_stop
from raykd.errors import InvalidError


def main() -> int:
    """Runs a command; 0 when it is done, 1 after a clear error."""

    def command() -> int:
        options = parse(parser())
        if options.command is None:
            raise InvalidError("needs a command, status or stop; see raykd --help")
        return options.run(options)

    return run_with_clear_errors(command)


def parser() -> argparse.ArgumentParser:
    """The command line, with a parser for each command."""
    about, examples = (__doc__ or "").split("\n", 1)
    made = argparse.ArgumentParser(
        prog="raykd",
        description=about,
        epilog=examples,
        formatter_class=argparse.RawDescriptionHelpFormatter,
        allow_abbrev=False,
    )
    commands = made.add_subparsers(metavar="COMMAND", dest="command")
    says = "shows how far the searches of a storage are, or one search with its trials"
    status = commands.add_parser("status", help=says, description=f"{says.capitalize()}.", exit_on_error=False)
    status.add_argument(
        "folder",
        nargs="?",
        default="runs",
        metavar="FOLDER",
        help="a storage, or a search in it; may be a URI such as s3://bucket/prefix (default: runs)",
    )
    status.set_defaults(run=run_status)
    says = "ends a running search after its running epochs; everything is kept, and the search can go on later"
    stop = commands.add_parser("stop", help=says, description=f"{says.capitalize()}.", exit_on_error=False)
    stop.add_argument("folder", nargs="?", default="runs", metavar="STORAGE/NAME", help="the search's folder")
    stop.set_defaults(run=run_stop)
    return made


if __name__ == "__main__":
    sys.exit(main())
