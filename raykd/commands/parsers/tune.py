"""Searches for the best way to distil a big image classifier into a small one.

    %(prog)s                                    the default study, on this machine
    %(prog)s --list                             the studies that ship with raykd
    %(prog)s --study compose                    one of them
    %(prog)s --study my_study.py                a study in a file
    %(prog)s --data PHOTOS --teacher resnet50.pth --student timm/mobilenetv3_small_100
                                                your own pictures, without a file
    %(prog)s --pareto latency                   students of several sizes: the front of accuracy and time
    %(prog)s --dry-run                          what that would do, for how long; starts nothing
    %(prog)s --resume NAME --more-trials 20     go on with a search, and try 20 settings more

On a cluster, from a clone: ray submit cluster.yaml launch/tune.py

Ctrl-C, SIGTERM and, from any machine, `raykd stop STORAGE/NAME` end it and keep all; `raykd status STORAGE` shows how
far it is. The test split is read when all trials are done, and once more for each --more-trials: the more often
that is done, the less its accuracy says.

It joins the Ray cluster that --address or RAY_ADDRESS names, or else one that you yourself have started on this machine
by `ray start`, and else starts Ray on this machine. Another user's it joins by `--address auto` alone.
"""

import argparse

from raykd.commands import say
from raykd.commands.parsers.goals import add_goals
from raykd.commands.parsers.own_study import add_own_study
from raykd.commands.parsers.teacher_outputs import add_keep_option
from raykd.studies.shipped import DEFAULT_STUDY


def run(options: argparse.Namespace) -> int:
    if options.list:
        from raykd.commands.list_studies import list_studies

        return list_studies()
    say("loading PyTorch, Ray and the study")  # which takes seconds
    from raykd.commands.tune import run_tune

    return run_tune(options)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--study",
        metavar="NAME|FILE",
        help=f"what to search: a study that ships with raykd, by its name, or a file (default: {DEFAULT_STUDY})",
    )
    parser.add_argument("--list", action="store_true", help="show the studies that ship with raykd, and end")
    parser.add_argument("--trials", type=int, metavar="N", help="settings to try (default: as the study says)")
    parser.add_argument(
        "--confirm",
        type=int,
        metavar="N",
        help="train the best trials, plain KD and the student alone again with N fresh seeds in the end, and say how "
        "sure the result is; 0 leaves it out (default: as the study says)",
    )
    add_goals(parser)
    _add_machines(parser)
    parser.add_argument(
        "--storage",
        default="runs",
        metavar="FOLDER",
        help="where everything is written; a folder, or a URI such as s3://bucket/prefix (default: runs)",
    )
    parser.add_argument(
        "--name", help="of this search, a folder in the storage (default: the study's name and the time)"
    )
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the sampler (default: 0)")
    _add_earlier(parser)
    parser.add_argument(
        "--dry-run",
        action="store_true",
        help="say what would be searched, on what, for how long, and start nothing; an epoch is trained to know the "
        "time, and one of a teacher that the storage lacks; nothing is kept",
    )
    parser.add_argument(
        "--price-per-hour",
        type=float,
        metavar="PRICE",
        help="of the whole cluster, in any currency: --dry-run says what the search would cost",
    )
    parser.add_argument("--verbose", action="store_true", help="show all that Ray says")
    add_own_study(parser)


def _add_earlier(parser: argparse.ArgumentParser) -> None:
    """What the search goes on with."""
    parser.add_argument(
        "--resume",
        nargs="?",
        const="",
        metavar="NAME",
        help="go on with the search of that name, and of the study that it was started with; without a name: with the "
        "newest search of the study",
    )
    parser.add_argument(
        "--more-trials",
        type=int,
        metavar="N",
        help="go on with a search (see --resume), even one that has ended, and try N settings more; what it has found "
        "is known to the sampler and is not trained again",
    )
    parser.add_argument(
        "--warm-start",
        metavar="PATH",
        help="an earlier search's folder: its trials that lie within this study's space are known to the sampler",
    )


def _add_machines(parser: argparse.ArgumentParser) -> None:
    """What the search runs on."""
    parser.add_argument(
        "--workers",
        type=_number_or_bounds,
        default=1,
        metavar="N|MIN-MAX",
        help="processes that train one trial; MIN-MAX: as many as there are machines for while it trains, which its "
        "numbers then depend on (default: 1)",
    )
    parser.add_argument(
        "--slots",
        type=int,
        metavar="N",
        help="trials at a time (default: as many as there are GPUs, or else CPUs, for)",
    )
    parser.add_argument(
        "--slots-per-gpu",
        type=_number_or_auto,
        default=1,
        metavar="N|auto",
        help="trials that may share a GPU; auto: as many as fit by measured memory (default: 1)",
    )
    add_keep_option(parser)
    parser.add_argument(
        "--address",
        help="of a Ray cluster; 'local' starts Ray on this machine in any case, 'auto' joins any that runs here, "
        "another user's too (default: RAY_ADDRESS, or else one that you have started here, or else local)",
    )


def _number_or_bounds(text: str) -> int | tuple[int, int]:
    least, dash, most = text.removeprefix("-").partition("-")
    if not least.isdecimal() or (dash and not most.isdecimal()):
        raise argparse.ArgumentTypeError(f"must be a number, or two such as 1-4, got {text!r}")
    return (int(text.rpartition("-")[0]), int(most)) if dash else int(text)


def _number_or_auto(text: str) -> int | str:
    if text != "auto" and not text.removeprefix("-").isdecimal():
        raise argparse.ArgumentTypeError(f"must be a number or auto, got {text!r}")
    return text if text == "auto" else int(text)
