"""Trains the best of a finished search, plain KD and the student alone again with fresh seeds, and says how sure it is.

    %(prog)s STORAGE/NAME --seeds 10

Seeds that were trained are not trained again. A search that was stopped is gone on with first. The test split is read
once more: the more often that is done, the less its accuracy says.
"""

import argparse

from raykd.commands import say


def run(options: argparse.Namespace) -> int:
    say("loading PyTorch, Ray and the study")  # which takes seconds
    from raykd.commands.confirm import run_confirm

    return run_confirm(options)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("folder", metavar="STORAGE/NAME", help="the search's folder")
    parser.add_argument("--seeds", type=int, default=5, metavar="N", help="with those that it has (default: 5)")
    parser.add_argument("--study", metavar="NAME|FILE", help="where its study is, if not where it was started from")
    parser.add_argument(
        "--address",
        help="of a Ray cluster; 'local' starts Ray on this machine in any case, 'auto' joins any that runs here, "
        "another user's too (default: RAY_ADDRESS, or else one that you have started here, or else local)",
    )
