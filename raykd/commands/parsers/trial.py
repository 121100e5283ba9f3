"""The option that names a trial of a search, whose student is meant."""

import argparse


def add_trial_option(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--trial",
        metavar="N|NAME",
        help="of the search that STUDENT names: the student of this trial, such as a point of its front (default: the "
        "search's best)",
    )
