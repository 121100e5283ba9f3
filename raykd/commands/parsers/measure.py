"""Counts and times the students of a study on this machine, for raykd tune --pareto ... --costs FILE elsewhere.

    %(prog)s --study digits --to costs.json            all students that a search of two goals may draw
    %(prog)s --study digits --to costs.json --threads 1

Each is built with random weights, and timed alone, by batches of 1 and of 64 images: the median of 30 after 5 that are
not counted. What else runs on the machine makes it slower. The study's data must be here, for the images' shape.
"""

import argparse

from raykd.studies.shipped import DEFAULT_STUDY


def run(options: argparse.Namespace) -> int:
    from raykd.commands.measure import run_measure

    return run_measure(options)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--study",
        metavar="NAME|FILE",
        default=DEFAULT_STUDY,
        help=f"a study that ships with raykd, by its name, or a file (default: {DEFAULT_STUDY})",
    )
    parser.add_argument("--to", metavar="FILE.json", default="costs.json", help="(default: costs.json)")
    parser.add_argument("--threads", type=int, metavar="N", help="of a CPU (default: as PyTorch takes)")
    parser.add_argument("--device", help="such as cpu or cuda:0 (default: the GPU where there is one)")
    parser.add_argument("--force", action="store_true", help="write over an earlier file")
