"""Writes a search's page, report.html, and the same in Markdown, from the files in its folder; also while it runs.

    %(prog)s STORAGE/NAME

The page says what won, by how much, how sure that is, what it cost and how to use it; then what mattered, every trial
and every hyperparameter, and where student and teacher differ. It is one file that needs no network. A search writes
it when it ends.
"""

import argparse


def run(options: argparse.Namespace) -> int:
    from raykd.commands.report import run_report

    return run_report(options)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder",
        nargs="?",
        default="runs",
        metavar="STORAGE/NAME",
        help="the search's folder; may be a URI such as s3://bucket/prefix/NAME (default: the only search in runs)",
    )
    parser.add_argument(
        "--study", metavar="NAME|FILE", help="where classes are defined that its recipes name beside raykd's"
    )
