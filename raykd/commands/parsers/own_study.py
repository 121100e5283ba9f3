"""The options of a search over one's own pictures, without a study's file."""

import argparse

from raykd.errors import InvalidError

# By the attribute that argparse gives them: what says something of `--data`.
OWN = {
    "teacher": "--teacher",
    "student": "--student",
    "teacher_network": "--teacher-network",
    "teacher_key": "--teacher-key",
    "pretrained": "--pretrained",
    "minutes": "--minutes",
    "epochs": "--epochs",
    "size": "--size",
    "skip_bad": "--skip-bad",
    "save_study": "--save-study",
}


def add_own_study(parser: argparse.ArgumentParser) -> None:
    own = parser.add_argument_group(
        "your own pictures, without a file", "What is not said is chosen from what is there, and told."
    )
    own.add_argument(
        "--data",
        metavar="PATH",
        help="a folder with a folder of pictures for each class, or such folders for train, val and test; a CSV of "
        "files and labels; a Parquet or Arrow file, or a folder of Hugging Face's datasets",
    )
    own.add_argument(
        "--student",
        metavar="NETWORK",
        help="by name: timm/NAME, torchvision/NAME, or one of raykd's own such as resnet8x4; with --pareto several, "
        "such as A,B,C, or those that are like the one that is named",
    )
    own.add_argument(
        "--teacher",
        metavar="FILE|NETWORK",
        help="a file of weights, or a network by name that is trained first (default: one is chosen)",
    )
    own.add_argument(
        "--teacher-network", metavar="NETWORK", help="that of the file (default: the one that its name or folder tells)"
    )
    own.add_argument("--teacher-key", metavar="KEY", help="which weights of the file, such as model_ema")
    own.add_argument(
        "--pretrained",
        action="store_true",
        help="networks that are trained start from the weights that timm or torchvision has for them",
    )
    own.add_argument(
        "--minutes",
        type=float,
        metavar="M",
        help="the whole search, confirmation included, on this machine (default: 10)",
    )
    own.add_argument("--epochs", type=int, metavar="N", help="of a training (default: as the time allows)")
    own.add_argument("--size", type=int, metavar="PIXELS", help="a side (default: as pictures and teacher are)")
    own.add_argument(
        "--skip-bad",
        action="store_true",
        help="go on without pictures that cannot be used; they are counted, and listed in summary.json",
    )
    own.add_argument(
        "--save-study", metavar="FILE.py", help="where to write the study, to edit it (default: in the storage)"
    )


def check_own_study(options: argparse.Namespace, resume: bool) -> None:
    """Refuses options that do not go together.

    Raises:
        ValueError: with the rule.
    """
    given = [option for name, option in OWN.items() if getattr(options, name)]
    if options.data is None:
        if given:
            raise InvalidError(f"{given[0]} says something of your own pictures; give --data, or a study's file")
        return
    if resume:
        raise InvalidError("--data begins a new search; to go on with one, leave it out: its study is in the storage")
    if options.study is not None:
        raise InvalidError(f"--data and --study {options.study} are two studies; leave out one of them")
    if options.student is None:
        raise InvalidError("--data needs a --student, such as timm/mobilenetv3_small_100 or resnet8x4")
    if options.save_study and not options.save_study.endswith(".py"):
        raise InvalidError(f"--save-study must be a file of Python, such as mine.py, got {options.save_study}")
