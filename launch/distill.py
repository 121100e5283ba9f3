"""Distils one student by one recipe: no search, and no Ray.

    python launch/distill.py                                             the default study's base recipe
    python launch/distill.py --set terms/quest=on --set optimiser/lr=0.1 with some of it changed
    python launch/distill.py --recipe runs/NAME/best_recipe.json         the best recipe of a search

What the teacher needs is trained first, unless the storage has it. Everything goes to STORAGE/NAME. Ctrl-C stops:
what was trained stays there, and `--resume` goes on with it as if nothing had happened.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "raykd").is_dir():  # under `ray submit` this file alone is copied, to the home folder
    ROOT = Path("~/raykd").expanduser()
sys.path.insert(0, str(ROOT))


def main() -> int:
    """Trains the student; 0 when it is finished, 1 after a clear error, 130 after Ctrl-C."""
    from raykd.commands import parse, run_with_clear_errors

    def command() -> int:
        options = parse(parser())
        from raykd.commands.distill import run_distill

        return run_distill(options, ROOT)

    return run_with_clear_errors(command)


def parser() -> argparse.ArgumentParser:
    """The command line; `--help` imports neither PyTorch nor Ray."""
    about, examples = (__doc__ or "").split("\n", 1)
    made = argparse.ArgumentParser(
        description=about, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    made.add_argument(
        "--study",
        metavar="FILE",
        help="train its base recipe (default: search_spaces/digits.py); beside --recipe: where that file's own "
        "classes are defined",
    )
    made.add_argument("--recipe", metavar="FILE.json", help="train this recipe, such as best_recipe.json of a search")
    made.add_argument(
        "--set",
        action="append",
        metavar="PATH=VALUE",
        help="change a value of the recipe, such as epochs=5 or terms/kd/temperature=2, or make one of the study's "
        "choices, such as terms/quest=on; may be given many times",
    )
    made.add_argument("--seed", type=int, metavar="N", help="of initialisation and order (default: the recipe's)")
    made.add_argument("--device", help="such as cpu or cuda:0 (default: the GPU where there is one)")
    made.add_argument(
        "--storage",
        default="runs",
        metavar="FOLDER",
        help="where everything is written; a folder, or a URI such as s3://bucket/prefix (default: runs)",
    )
    made.add_argument("--name", help="of this run, a folder in the storage (default: the study's name and the time)")
    made.add_argument(
        "--resume", action="store_true", help="go on with the run of that --name, or with the newest of this recipe"
    )
    return made


if __name__ == "__main__":
    sys.exit(main())
