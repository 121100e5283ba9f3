"""Writes a trained student for use without raykd: ONNX, torch.export, and a model card.

    %(prog)s runs/NAME                              student.onnx, student.pt2 and MODEL_CARD.md beside the student
    %(prog)s runs/NAME --to mine --check photos/    elsewhere; compared with PyTorch on these pictures
    %(prog)s runs/NAME --trial 7                    that of any trial that kept it, such as a point of a front
    %(prog)s runs/NAME --bytes                      normalisation inside: it takes pixels from 0 to 255

Needs pip install 'raykd[export]'. ONNX takes batches of any size; what onnxruntime gives is compared with what PyTorch
gives, and the largest difference of a probability is printed.
"""

import argparse

from raykd.commands.parsers.trial import add_trial_option


def run(options: argparse.Namespace) -> int:
    from raykd.commands.export import run_export

    return run_export(options)


def add_options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("student", metavar="STUDENT", help="a student.safetensors, or a folder that has one")
    add_trial_option(parser)
    parser.add_argument("--to", metavar="FOLDER", help="where the files are written (default: beside the student)")
    parser.add_argument(
        "--check",
        nargs="+",
        default=[],
        metavar="PICTURE",
        help="files, folders or patterns of pictures to compare on (default: the validation images that the student's "
        "recipe names, or noise where they are not here)",
    )
    parser.add_argument(
        "--bytes",
        action="store_true",
        help="take pixels from 0 to 255, as floats, and normalise within (default: takes what is normalised)",
    )
    parser.add_argument("--force", action="store_true", help="write over files of an earlier export")
