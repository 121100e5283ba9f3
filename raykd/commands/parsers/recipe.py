"""The options of the commands that train one recipe."""

import argparse

from raykd.commands.parsers.teacher_outputs import add_keep_option
from raykd.studies.shipped import DEFAULT_STUDY


def add_recipe_options(parser: argparse.ArgumentParser, storage: str) -> None:
    """What to train, on which device, and where.

    Args:
        storage: what the storage is for.
    """
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
        help=f"{storage}; a folder, or a URI such as s3://bucket/prefix (default: runs)",
    )
    add_keep_option(parser)
