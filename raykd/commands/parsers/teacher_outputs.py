"""The option of all commands that let a student listen to a teacher: how much of what it says is kept."""

import argparse


def add_keep_option(parser: argparse.ArgumentParser) -> None:
    """Adds `--keep-teacher-outputs`."""
    parser.add_argument(
        "--keep-teacher-outputs",
        type=_size,
        metavar="SIZE",
        help="how much of the disk what teachers say of each view of an image may take, such as 20GB, so that they "
        "need not run again for it; 0 to keep nothing; no result changes (default: 20GB, at most half of what is free)",
    )


def _size(text: str) -> int:
    from raykd.storage.room import parse_bytes  # its locks take a tenth of a second to import

    try:
        return parse_bytes(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
