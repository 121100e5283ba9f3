"""Searches for the best way to distil a big image classifier into a small one.

    python launch/tune.py                                     the default study, on this machine
    python launch/tune.py --study search_spaces/NAME.py       another study
    python launch/tune.py --dry-run                           what that would do, for how long; starts nothing
    python launch/tune.py --resume NAME --more-trials 20      go on with a search, and try 20 settings more
    ray submit cluster.yaml launch/tune.py                    the same on a cluster

Ctrl-C, SIGTERM and, from any machine, `raykd stop STORAGE/NAME` end it and keep all; `raykd status STORAGE` shows how
far it is. The test split is read when all trials are done, and once more for each --more-trials: the more often
that is done, the less its accuracy says.

It joins the Ray cluster that it is started on (RAY_ADDRESS, --address, or one that `ray start` left on this
node), and else starts Ray on this machine.
"""

import argparse
import importlib.util
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if (ROOT / "raykd" / "__init__.py").is_file():
    sys.path.insert(0, str(ROOT))
elif (installed := importlib.util.find_spec("raykd")) and installed.origin:
    ROOT = Path(installed.origin).parents[1]  # `ray submit` copies this file alone, to the home folder of the head
else:
    sys.exit("error: this Python has no raykd; run `ray up` once more, or: pip install -e FOLDER_OF_THE_CLONE")


def main() -> int:
    """Runs the search; 0 when it is finished, 1 after a clear error, 130 after Ctrl-C or what does the same."""
    from raykd.commands import parse, run_with_clear_errors

    def command() -> int:
        options = parse(parser())
        if options.study and not Path(options.study).exists() and (ROOT / options.study).exists():
            options.study = ROOT / options.study  # `ray submit` starts in the home folder
        from raykd.commands.tune import run_tune

        return run_tune(options, ROOT)

    return run_with_clear_errors(command)


def parser() -> argparse.ArgumentParser:
    """The command line; `--help` imports neither PyTorch nor Ray."""
    about, examples = (__doc__ or "").split("\n", 1)
    made = argparse.ArgumentParser(
        description=about, epilog=examples, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    made.add_argument("--study", default=None, metavar="FILE", help="what to search (default: search_spaces/digits.py)")
    made.add_argument("--trials", type=int, metavar="N", help="settings to try (default: as the study says)")
    made.add_argument(
        "--workers",
        type=number_or_bounds,
        default=1,
        metavar="N|MIN-MAX",
        help="processes that train one trial; MIN-MAX: as many as there are machines for while it trains, which its "
        "numbers then depend on (default: 1)",
    )
    made.add_argument(
        "--slots",
        type=int,
        metavar="N",
        help="trials at a time (default: as many as there are GPUs, or else CPUs, for)",
    )
    made.add_argument(
        "--slots-per-gpu",
        type=number_or_auto,
        default=1,
        metavar="N|auto",
        help="trials that may share a GPU; auto: as many as fit by measured memory (default: 1)",
    )
    made.add_argument(
        "--storage",
        default="runs",
        metavar="FOLDER",
        help="where everything is written; a folder, or a URI such as s3://bucket/prefix (default: runs)",
    )
    made.add_argument("--name", help="of this search, a folder in the storage (default: the study's name and the time)")
    made.add_argument("--seed", type=int, default=0, metavar="N", help="of the sampler (default: 0)")
    made.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="NAME",
        help="go on with the search of that name, and of the study that it was started with; without a name: with the "
        "newest search of the study",
    )
    made.add_argument(
        "--more-trials",
        type=int,
        metavar="N",
        help="go on with a search (see --resume), even one that has ended, and try N settings more; what it has found "
        "is known to the sampler and is not trained again",
    )
    made.add_argument(
        "--dry-run",
        action="store_true",
        help="say what would be searched, on what, for how long, and start nothing; an epoch is trained to know the "
        "time, and one of a teacher that the storage lacks; nothing is kept",
    )
    made.add_argument(
        "--price-per-hour",
        type=float,
        metavar="PRICE",
        help="of the whole cluster, in any currency: --dry-run says what the search would cost",
    )
    made.add_argument("--address", help="of a Ray cluster; 'local' starts Ray on this machine in any case")
    made.add_argument("--verbose", action="store_true", help="show all that Ray says")
    return made


def number_or_bounds(text: str) -> int | tuple[int, int]:
    least, dash, most = text.removeprefix("-").partition("-")
    if not least.isdecimal() or (dash and not most.isdecimal()):
        raise argparse.ArgumentTypeError(f"must be a number, or two such as 1-4, got {text!r}")
    return (int(text.rpartition("-")[0]), int(most)) if dash else int(text)


def number_or_auto(text: str) -> int | str:
    if text != "auto" and not text.removeprefix("-").isdecimal():
        raise argparse.ArgumentTypeError(f"must be a number or auto, got {text!r}")
    return text if text == "auto" else int(text)


if __name__ == "__main__":
    sys.exit(main())
