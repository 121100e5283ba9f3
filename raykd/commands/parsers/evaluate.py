"""Measures a trained student as the papers do: accuracy, retrieval, nearest centroid, linear probe, identification.

    %(prog)s runs/NAME                           the winner of a search, or a run of `distill`
    %(prog)s NAME --test                         the same, on the test split
    %(prog)s runs/NAME/trials/trial-0003         any trial of a search
    %(prog)s runs/NAME --measure retrieval       retrieval alone

The embedding that is measured is the output of the last stage, averaged over its places. Images of the split query
the training images; those of the test split query training and validation images together. The result is shown as
a table and kept in evaluation.json beside the student.
"""

import argparse


def run(options: argparse.Namespace) -> int:
    from raykd.commands.evaluate import run_evaluate

    return run_evaluate(options)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "folder", nargs="?", metavar="FOLDER", help="of a search, run or trial; or its name in --storage"
    )
    parser.add_argument(
        "--measure",
        action="append",
        metavar="NAME",
        help="accuracy, retrieval, centroid, probe or identification; may be given many times (default: all; "
        "identification only where classes are held out)",
    )
    parser.add_argument("--test", action="store_true", help="on the test split (default: the validation split)")
    parser.add_argument(
        "--held-out",
        metavar="CLASS,...",
        help="the classes, counted from 0, that identification takes its probes from; the other images are the "
        "distractors (default: the classes that the training split lacks)",
    )
    parser.add_argument(
        "--study", metavar="NAME|FILE", help="where classes are defined that the recipe names beside raykd's"
    )
    parser.add_argument("--device", help="such as cpu or cuda:0 (default: the GPU where there is one)")
    parser.add_argument(
        "--storage",
        default="runs",
        metavar="FOLDER",
        help="where a name is looked for; a folder, or a URI such as s3://bucket/prefix (default: runs)",
    )
