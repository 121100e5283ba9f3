"""Trains the teacher of a study ahead of the searches that share it.

    %(prog)s                     the default study's
    %(prog)s --study compose     that of another study that ships with raykd
    %(prog)s --study FILE        that of a study in a file

A search trains its teacher by itself where the storage lacks it; this command does so on its own, and shows the
teacher's route: its checkpoints with their accuracy. Ctrl-C stops, and the same command goes on.
"""

import argparse

from raykd.studies.shipped import DEFAULT_STUDY


def run(options: argparse.Namespace) -> int:
    from raykd.commands.teacher import run_teacher

    return run_teacher(options)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--study",
        metavar="NAME|FILE",
        help=f"whose teacher: of a study that ships with raykd, by its name, or in a file (default: {DEFAULT_STUDY})",
    )
    parser.add_argument(
        "--storage",
        default="runs",
        metavar="FOLDER",
        help="where it is kept; a folder, or a URI such as s3://bucket/prefix (default: runs)",
    )
    parser.add_argument("--device", help="such as cpu or cuda:0 (default: the GPU where there is one)")
