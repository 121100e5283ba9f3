"""Distils one student by one recipe: no search, and no Ray.

    %(prog)s                                             the default study's base recipe
    %(prog)s --set terms/quest=on --set optimiser/lr=0.1 with some of it changed
    %(prog)s --recipe runs/NAME/best_recipe.json         the best recipe of a search

What the teacher needs is trained first, unless the storage has it. Everything goes to STORAGE/NAME. Ctrl-C stops:
what was trained stays there, and `--resume` goes on with it as if nothing had happened.
"""

import argparse

from raykd.commands.parsers.teacher_outputs import add_keep_option
from raykd.studies.shipped import DEFAULT_STUDY


def run(options: argparse.Namespace) -> int:
    from raykd.commands.distill import run_distill

    return run_distill(options)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--study",
        metavar="NAME|FILE",
        help="train the base recipe of a study that ships with raykd or is in a file (default: "
        f"{DEFAULT_STUDY}); beside --recipe: where that file's own classes are defined",
    )
    parser.add_argument("--recipe", metavar="FILE.json", help="train this recipe, such as best_recipe.json of a search")
    parser.add_argument(
        "--set",
        action="append",
        metavar="PATH=VALUE",
        help="change a value of the recipe, such as epochs=5 or terms/kd/temperature=2, or make one of the study's "
        "choices, such as terms/quest=on; may be given many times",
    )
    parser.add_argument("--seed", type=int, metavar="N", help="of initialisation and order (default: the recipe's)")
    parser.add_argument("--device", help="such as cpu or cuda:0 (default: the GPU where there is one)")
    parser.add_argument(
        "--storage",
        default="runs",
        metavar="FOLDER",
        help="where everything is written; a folder, or a URI such as s3://bucket/prefix (default: runs)",
    )
    add_keep_option(parser)
    parser.add_argument("--name", help="of this run, a folder in the storage (default: the study's name and the time)")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run of that --name, or with the newest of this recipe"
    )
