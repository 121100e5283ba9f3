"""Distils one student by one recipe: no search, and no Ray.

    %(prog)s                                             the default study's base recipe
    %(prog)s --set terms/quest=on --set optimiser/lr=0.1 with some of it changed
    %(prog)s --recipe runs/NAME/best_recipe.json         the best recipe of a search

What the teacher needs is trained first, unless the storage has it. Everything goes to STORAGE/NAME. Ctrl-C stops:
what was trained stays there, and `--resume` goes on with it as if nothing had happened.
"""

import argparse

from raykd.commands.parsers.recipe import add_recipe_options


def run(options: argparse.Namespace) -> int:
    from raykd.commands.distill import run_distill

    return run_distill(options)


def add_options(parser: argparse.ArgumentParser) -> None:
    add_recipe_options(parser, storage="where everything is written")
    parser.add_argument("--name", help="of this run, a folder in the storage (default: the study's name and the time)")
    parser.add_argument(
        "--resume", action="store_true", help="go on with the run of that --name, or with the newest of this recipe"
    )
