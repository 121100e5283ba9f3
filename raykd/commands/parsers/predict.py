"""Says what a trained student takes pictures for: a class and its probability for each.

    %(prog)s runs/NAME photo.jpg                   a student by its search or run
    %(prog)s student.safetensors photos/           all pictures below a folder
    %(prog)s runs/NAME 'photos/*.png' --top 3      the three likeliest classes of each
    %(prog)s runs/NAME photos/ --json --to out.jsonl

Neither the data set nor the study is needed: the student's file says how a picture gets to it. A picture that cannot be
read is told on the standard error, the others are answered, and the command ends with 1.
"""

import argparse

from raykd.commands.parsers.trial import add_trial_option


def run(options: argparse.Namespace) -> int:
    from raykd.commands.predict import run_predict

    return run_predict(options)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("student", metavar="STUDENT", help="a student.safetensors, or a folder that has one")
    add_trial_option(parser)
    parser.add_argument("pictures", nargs="+", metavar="PICTURE", help="files, folders, or patterns such as 'a/*.jpg'")
    parser.add_argument("--top", type=int, default=1, metavar="K", help="classes for each picture (default: 1)")
    parser.add_argument("--json", action="store_true", help="a line of JSON for each picture (default: CSV)")
    parser.add_argument("--to", metavar="FILE", help="where it is written (default: the standard output)")
    parser.add_argument("--batch-size", type=int, default=64, metavar="N", help="pictures at a time (default: 64)")
    parser.add_argument("--device", help="such as cpu or cuda:0 (default: the GPU where there is one)")
