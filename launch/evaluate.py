"""Measures a trained student as the papers do: accuracy, retrieval, nearest centroid, linear probe, identification.

    python launch/evaluate.py runs/NAME                           the winner of a search, or a run of distill.py
    python launch/evaluate.py NAME --test                         the same, on the test split
    python launch/evaluate.py runs/NAME/trials/trial-0003         any trial of a search
    python launch/evaluate.py runs/NAME --measure retrieval       retrieval alone

The embedding that is measured is the output of the last stage, averaged over its places. Images of the split query
the training images; those of the test split query training and validation images together. The result is shown as
a table and kept in evaluation.json beside the student.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "raykd").is_dir():  # under `ray submit` this file alone is copied, to the home folder
    ROOT = Path("~/raykd").expanduser()
sys.path.insert(0, str(ROOT))


def main() -> int:
    """Measures the student; 0 when it is done, 1 after a clear error, 130 after Ctrl-C."""
    from raykd.commands import parse, run_with_clear_errors

    def command() -> int:
        options = parse(parser())
        from raykd.commands.evaluate import run_evaluate

        return run_evaluate(options)

    return run_with_clear_errors(command)


def parser() -> argparse.ArgumentParser:
    """The command line; `--help` imports neither PyTorch nor Ray."""
    about, examples = (__doc__ or "").split("\n", 1)
    made = argparse.ArgumentParser(
        description=about, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    made.add_argument("folder", nargs="?", metavar="FOLDER", help="of a search, run or trial; or its name in --storage")
    made.add_argument(
        "--measure",
        action="append",
        metavar="NAME",
        help="accuracy, retrieval, centroid, probe or identification; may be given many times (default: all; "
        "identification only where classes are held out)",
    )
    made.add_argument("--test", action="store_true", help="on the test split (default: the validation split)")
    made.add_argument(
        "--held-out",
        metavar="CLASS,...",
        help="the classes, counted from 0, that identification takes its probes from; the other images are the "
        "distractors (default: the classes that the training split lacks)",
    )
    made.add_argument("--study", metavar="FILE", help="where classes are defined that the recipe names beside raykd's")
    made.add_argument("--device", help="such as cpu or cuda:0 (default: the GPU where there is one)")
    made.add_argument(
        "--storage",
        default="runs",
        metavar="FOLDER",
        help="where a name is looked for; a folder, or a URI such as s3://bucket/prefix (default: runs)",
    )
    return made


if __name__ == "__main__":
    sys.exit(main())
