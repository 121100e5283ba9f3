"""`raykd measure`: what the students of a study cost on this machine."""

import argparse
from pathlib import Path

import torch
from rich.console import Console
from rich.table import Table

from raykd.distributed.world import World
from raykd.errors import AlreadyExistsError, InvalidError
from raykd.reporting.status_line import StatusLine
from raykd.runs.costs import Costs, measure, save_costs
from raykd.studies.goals import PARAMETERS
from raykd.studies.sizes import aimed
from raykd.studies.study_file import load_study

_BATCHES = (1, 64)


def run_measure(options: argparse.Namespace) -> int:
    """Measures, shows and writes."""
    if options.threads is not None and options.threads < 1:
        raise InvalidError(f"--threads must be at least 1, got {options.threads}")
    file = Path(options.to).expanduser()
    if file.exists() and not options.force:
        raise AlreadyExistsError(f"{file} exists already; --force writes over it, --to names another file")
    device = World.current(options.device).device
    study = aimed(load_study(options.study), PARAMETERS)  # any goal: all of them offer the same students
    if options.threads is not None:
        torch.set_num_threads(options.threads)
    console = Console(highlight=False, markup=False, soft_wrap=True)
    with StatusLine(console) as line:
        found = measure(study, _BATCHES, device, line.status)
    save_costs(found, file)
    console.print(_table(found), soft_wrap=False)
    console.print(f"{found}; written to {file}")
    return 0


def _table(found: Costs) -> Table:
    table = Table("student", "parameters", "multiply-adds", *(f"ms, batch of {size}" for size in _BATCHES))
    for key, cost in found.students.items():
        times = [_time(cost.latency_ms[size], *cost.quartiles_ms[size]) for size in _BATCHES]
        table.add_row(found.words[key], f"{cost.parameters:,}", f"{cost.multiply_adds:,}", *times)
    return table


def _time(median: float, first: float, third: float) -> str:
    return f"{median:.3g} ({first:.3g} to {third:.3g})"
