"""The options of a search of two goals."""

import argparse


def add_goals(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "--pareto",
        metavar="COST",
        help="search for accuracy and a low cost of the student, among students of several sizes: parameters, "
        "multiply_adds, latency (of one image) or latency_64 (of 64 images), measured once before anything trains; "
        "gives the front of both, each point of which can be exported",
    )
    parser.add_argument(
        "--costs",
        metavar="FILE",
        help="what the students cost on the machine that they are for, written there by raykd measure (default: "
        "measured here)",
    )
