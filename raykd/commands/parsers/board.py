"""Starts TensorBoard over the searches of a storage, or one of them, on this machine alone.

    %(prog)s                          every search and run in `runs`
    %(prog)s STORAGE                  every search and run there
    %(prog)s STORAGE/NAME             one search
    %(prog)s STORAGE/NAME --confirmation      its runs under fresh seeds

It shows what is written meanwhile too, and ends with Ctrl-C.
"""

import argparse


def run(options: argparse.Namespace) -> int:
    from raykd.commands.board import run_board

    return run_board(options)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        nargs="?",
        default="runs",
        metavar="FOLDER",
        help="a storage, or a search or a run in it; may be a URI such as s3://bucket/prefix (default: runs)",
    )
    parser.add_argument(
        "--confirmation",
        action="store_true",
        help="show the runs that confirm the best trials, instead of the trials themselves",
    )
    parser.add_argument("--port", type=int, default=6006, metavar="N", help="0 for any that is free (default: 6006)")
