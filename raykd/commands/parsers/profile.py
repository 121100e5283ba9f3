"""Shows where the time of a recipe's epochs goes, as a table and a trace.

    %(prog)s                                             the default study's base recipe
    %(prog)s --study digits --set terms/kd/temperature=8 with some of it changed
    %(prog)s --recipe runs/NAME/best_recipe.json         the best recipe of a search

The teacher is trained first, unless the storage has it. The recipe's first epochs are then trained by this process
alone, as `distill` trains them, and written to a folder in the storage that is removed in the end. What the teacher
says of a view is kept as in any run, so that the second time there is less to ask it; `--keep-teacher-outputs 0` lets
it run always. The trace can be opened in https://ui.perfetto.dev or in chrome://tracing.

A span's seconds are those of the clock; `cpu` is the time that processors worked for it, on all threads together. On a
GPU the host only queues the work, and `device` is the time from a span's first place in that queue to its last.
"""

import argparse

from raykd.commands.parsers.recipe import add_recipe_options


def run(options: argparse.Namespace) -> int:
    from raykd.commands.profile import run_profile

    return run_profile(options)


def add_options(parser: argparse.ArgumentParser) -> None:
    add_recipe_options(parser, storage="where the teacher is kept, and the trial while it is measured")
    parser.add_argument(
        "--epochs",
        type=int,
        default=2,
        metavar="N",
        help="epochs to measure, of those that the recipe has; the first one warms up, and is told apart (default: 2)",
    )
    parser.add_argument(
        "--out",
        metavar="FILE.json",
        help="the trace; no file is overwritten (default: profile-STUDY-TIME.json in the working folder)",
    )
