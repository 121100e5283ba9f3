"""Searches for the best way to distil a big image classifier into a small one.

    python launch/tune.py                                     the default study, on this machine
    python launch/tune.py --study search_spaces/NAME.py       another study
    ray submit cluster.yaml launch/tune.py                    the same on a cluster

It joins the Ray cluster that it is started on (RAY_ADDRESS, --address, or one that `ray start` left on this
node), and else starts Ray on this machine.
"""

import argparse
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[1]
if not (ROOT / "raykd").is_dir():  # under `ray submit` this file alone is copied, to the home folder
    ROOT = Path("~/raykd").expanduser()
sys.path.insert(0, str(ROOT))


def main() -> int:
    """Runs the search; 0 when it is finished, 1 after a clear error, 130 after Ctrl-C."""
    from raykd.commands import parse, run_with_clear_errors

    def command() -> int:
        options = parse(parser())
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
    made.add_argument("--workers", type=int, default=1, metavar="N", help="processes that train one trial (default: 1)")
    made.add_argument(
        "--slots",
        type=int,
        metavar="N",
        help="trials at a time (default: as many as there are GPUs, or else CPUs, for)",
    )
    made.add_argument("--storage", default="runs", metavar="FOLDER", help="where everything is written (default: runs)")
    made.add_argument("--name", help="of this search, a folder in the storage (default: the study's name and the time)")
    made.add_argument("--seed", type=int, default=0, metavar="N", help="of the sampler (default: 0)")
    made.add_argument(
        "--resume", action="store_true", help="go on with the search of that --name, or with the study's newest one"
    )
    made.add_argument("--address", help="of a Ray cluster; 'local' starts Ray on this machine in any case")
    made.add_argument("--verbose", action="store_true", help="show all that Ray says")
    return made


if __name__ == "__main__":
    sys.exit(main())
