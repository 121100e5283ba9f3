"""What `raykd COMMAND --help` says."""

import argparse

from raykd.__main__ import COMMANDS
from raykd.commands.parsers import described


def help_of(name: str) -> str:
    """A command's help as a block of plain text."""
    (command,) = (command for command in COMMANDS if command.__name__.rpartition(".")[2] == name)
    parser = argparse.ArgumentParser(prog=f"raykd {name}", **described(command.__doc__))
    command.add_options(parser)
    return f"```text\n{parser.format_help()}```"
