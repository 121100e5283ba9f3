"""Shows how far the searches of a storage are, or one search with its trials.

    %(prog)s                      every search in `runs`: how far it is, what runs, the best so far
    %(prog)s STORAGE              every search there
    %(prog)s STORAGE/NAME         one search, with its trials

It starts no Ray and loads no PyTorch; all that is read are the files in the storage, so that it works on every machine
that sees them, while a search runs or afterwards.
"""

import argparse


def run(options: argparse.Namespace) -> int:
    from raykd.commands.status import run_status

    return run_status(options)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        nargs="?",
        default="runs",
        metavar="FOLDER",
        help="a storage, or a search in it; may be a URI such as s3://bucket/prefix (default: runs)",
    )
