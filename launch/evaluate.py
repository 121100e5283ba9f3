"""`raykd evaluate`, for `ray submit`, which copies this file alone, and for a clone that is not installed."""

import importlib.util
import sys
from argparse import ArgumentParser
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if (ROOT / "raykd" / "__init__.py").is_file():
    sys.path.insert(0, str(ROOT))
elif not ((installed := importlib.util.find_spec("raykd")) and installed.origin):  # a bare folder has no origin
    sys.exit("error: this Python has no raykd; run `ray up` once more, or: pip install -e FOLDER_OF_THE_CLONE")

from raykd.commands.parsers import evaluate, make_parser, run_script  # noqa: E402


def parser() -> ArgumentParser:
    return make_parser(evaluate)


def main() -> int:
    return run_script(evaluate)


if __name__ == "__main__":
    sys.exit(main())
