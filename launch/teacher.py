"""Trains the teacher of a study ahead of the searches that share it.

    python launch/teacher.py                                  the default study's
    python launch/teacher.py --study search_spaces/NAME.py    another study's

A search trains its teacher by itself where the storage lacks it; this command does so on its own, and shows the
teacher's route: its checkpoints with their accuracy. Ctrl-C stops, and the same command goes on.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "raykd").is_dir():  # under `ray submit` this file alone is copied, to the home folder
    ROOT = Path("~/raykd").expanduser()
sys.path.insert(0, str(ROOT))


def main() -> int:
    """Trains the teacher; 0 when it is there, 1 after a clear error, 130 after Ctrl-C."""
    from raykd.commands import parse, run_with_clear_errors

    def command() -> int:
        options = parse(parser())
        from raykd.commands.teacher import run_teacher

        return run_teacher(options, ROOT)

    return run_with_clear_errors(command)


def parser() -> argparse.ArgumentParser:
    """The command line; `--help` imports neither PyTorch nor Ray."""
    about, examples = (__doc__ or "").split("\n", 1)
    made = argparse.ArgumentParser(
        description=about, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    made.add_argument("--study", metavar="FILE", help="whose teacher (default: search_spaces/digits.py)")
    made.add_argument(
        "--storage",
        default="runs",
        metavar="FOLDER",
        help="where it is kept; a folder, or a URI such as s3://bucket/prefix (default: runs)",
    )
    made.add_argument("--device", help="such as cpu or cuda:0 (default: the GPU where there is one)")
    return made


if __name__ == "__main__":
    sys.exit(main())
