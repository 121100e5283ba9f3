"""`raykd tune --dry-run`: the plan of a search, its time and its cost."""

import argparse

from rich.console import Console
from rich.table import Table

from raykd.cluster.forecast import Forecast, forecast
from raykd.cluster.machines.sharing import AUTO
from raykd.errors import InvalidError
from raykd.reporting.status_line import StatusLine, clock
from raykd.space.ranges import describe
from raykd.studies.confirmation import Confirmation, overlap
from raykd.studies.grace import first_rung
from raykd.studies.study import Study
from raykd.teachers.route_training import TrainedTeacherSpec


def run_dry(study: Study, options: argparse.Namespace, console: Console) -> int:
    """Says what the search would do; starts none."""
    price = options.price_per_hour
    if price is not None and price < 0:
        raise InvalidError(f"--price-per-hour must be at least 0, got {price:g}")
    with StatusLine(console) as line:
        told = forecast(
            study,
            trials=options.trials,
            confirm=options.confirm,
            workers=options.workers,
            slots=options.slots,
            slots_per_gpu=options.slots_per_gpu,
            keep_teacher_outputs=options.keep_teacher_outputs,
            storage=options.storage,
            name=options.name,
            address=options.address,
            say=line.status,
        )
    resources = told.plan.resources
    share = f"{resources.threads} CPU(s) and {resources.gpus_per_worker:g} GPU(s)"
    console.print(told.cluster)
    if options.slots_per_gpu == AUTO:
        missing = "unknown how many trials may share a GPU: the storage lacks what an epoch needs to measure that"
        console.print("\n".join(map(str, told.footprints)) or missing)
    console.print(f"{told.plan}, {share} for a worker")
    console.print(
        f"study {study.name}: {told.trials} trials and {told.baselines} baselines, at most {told.epochs} epochs each, "
        f"from epoch {min(first_rung(study), told.epochs)} on stopped where others do better"
    )
    if told.confirmation.seeds:
        console.print(f"then {_confirmation(told.confirmation, study)}")
    table = Table("searched", "among")
    for path, distribution in study.every_range().items():
        table.add_row(path, describe(distribution))
    console.print(table, soft_wrap=False)
    if told.rehearsal.teacher_outputs:
        console.print(
            f"{told.rehearsal.teacher_outputs}; the teacher took {told.rehearsal.teacher_share:.0%} of the epoch that "
            "was measured, which is saved for every view that it was asked about before"
        )
    console.print(f"time: {_time(told)}")
    if price is not None:
        console.print(f"cost: {_cost(told, price)}")
    console.print("this was a dry run: nothing was started and nothing was kept")
    return 0


def _confirmation(planned: Confirmation, study: Study) -> str:
    teacher = " and a teacher" if isinstance(study.recipe.teacher, TrainedTeacherSpec) else ""
    split = f", each with a split{teacher} of its own" if overlap(study) else ""
    others = f"{planned.finalists} and {planned.candidates} others"
    return f"the best {others} again, with {planned.seeds} fresh seeds{split}"


def _time(told: Forecast) -> str:
    rehearsal = told.rehearsal
    likely, most = told.seconds(told.likely_epochs), told.seconds(told.most_epochs)
    if likely is None or most is None or rehearsal.epoch_seconds is None:
        return f"unknown: the storage lacks what the base recipe needs ({rehearsal.missing}), which the search makes"
    teacher = f", {clock(rehearsal.teacher_seconds)} of it for the teacher" if rehearsal.teacher_seconds else ""
    measured = f"{rehearsal.epoch_seconds:.2f} s, measured on one worker while nothing else ran{_sharing(told)}"
    return (
        f"about {clock(likely)}, at most {clock(most)}{teacher}, not counting start-up and saving; an epoch of the "
        f"base recipe took {measured}"
    )


def _sharing(told: Forecast) -> str:
    together = told.plan.slots_per_gpu
    return f"; {together} trials that share a GPU are taken to be no faster than one" if together > 1 else ""


def _cost(told: Forecast, price: float) -> str:
    likely, most = told.seconds(told.likely_epochs), told.seconds(told.most_epochs)
    if likely is None or most is None:
        return "unknown, as the time is"
    return f"about {likely / 3600 * price:.2f}, at most {most / 3600 * price:.2f}, at {price:g} an hour"
