"""Ends a running search after its running epochs; everything is kept, and the search can go on later.

    %(prog)s STORAGE/NAME

It works from every machine that sees the storage, without Ray.
"""

import argparse


def run(options: argparse.Namespace) -> int:
    from raykd.commands.stop import run_stop

    return run_stop(options)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", nargs="?", default="runs", metavar="STORAGE/NAME", help="the search's folder")
