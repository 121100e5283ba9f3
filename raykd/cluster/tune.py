"""`tune(study)`: the whole search, from the checks before it to the report after it."""

import contextlib
import dataclasses
import functools
import inspect
import os
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from ray import cloudpickle

from raykd.cluster.asked import Asked, Opened
from raykd.cluster.goals import known_costs
from raykd.cluster.machines.connect import connected
from raykd.cluster.machines.held import others_hold
from raykd.cluster.machines.sharing import Wanted
from raykd.cluster.machines.worker_count import Workers
from raykd.cluster.plan_slots import plan_slots
from raykd.cluster.prepare import preparation
from raykd.cluster.report import report
from raykd.cluster.tuner.callback import ProgressCallback
from raykd.cluster.tuner.confirming import ConfirmingSearch
from raykd.cluster.tuner.disk_pruning import KEPT, Pruning
from raykd.cluster.tuner.quiet import quiet
from raykd.cluster.tuner.search_run import run_search
from raykd.cluster.tuner.trials import Trials
from raykd.cluster.workers.coordinator import keep_coordinator
from raykd.protocols.event import METRIC, Doing, Listener, Said, SearchBegan, SearchEnded
from raykd.reporting.progress import Progress
from raykd.reporting.search_board import SearchBoard
from raykd.reporting.stream import EventStream
from raykd.reporting.words import log
from raykd.runs.costs import Costs
from raykd.runs.optuna_journal import OptunaJournal
from raykd.runs.remote_search import keep_in_step
from raykd.runs.result import Result
from raykd.runs.search_folder import remove_unless_begun, write_search
from raykd.runs.status import StatusFile, running, stop_if_asked
from raykd.signals import SearchInterrupted, sigterm_as_ctrl_c
from raykd.storage.layout import TRIALS
from raykd.storage.room import parse_room
from raykd.storage.storage import Storage
from raykd.studies.baselines import baselines
from raykd.studies.columns import every_column
from raykd.studies.confirmation import Confirmation
from raykd.studies.study import Study
from raykd.studies.study_file import study_module


def tune(
    study: Study,
    *,
    trials: int | None = None,
    confirm: int | None = None,
    workers: int | tuple[int, int] = 1,
    slots: int | None = None,
    slots_per_gpu: int | str = 1,
    storage: str | os.PathLike[str] = "runs",
    name: str | None = None,
    seed: int = 0,
    resume: bool = False,
    more_trials: int | None = None,
    warm_start: str | os.PathLike[str] | None = None,
    pareto: str | None = None,
    costs: str | os.PathLike[str] | None = None,
    keep_teacher_outputs: int | str | None = None,
    address: str | None = None,
    verbose: bool = False,
    listeners: Sequence[Listener] = (),
) -> Result:
    """Searches a study: baselines, first settings, draws around what is known, stopped by ASHA; and confirms the best.

    Args:
        trials: settings to try, the baselines not counted; the study's own number by default. No setting twice.
        confirm: fresh seeds for the best and the baselines in the end; see `raykd.studies.confirmation`.
        workers: that train one trial; `(least, most)` for as many as have room, which its numbers then depend on.
        slots: trials at a time; as many as the cluster has room for by default.
        slots_per_gpu: how many of them may share a GPU; `auto` for as many as fit by measured memory.
        storage: a folder that all machines see, or an object store's URI, with what all of its searches share.
        name: of the search, whose folder is `storage/name`; the study's name and the time by default.
        seed: of the sampler; a recipe has a seed of its own.
        resume: go on with the search of that name, or with the study's newest one, as it was started.
        more_trials: go on, even if it has ended, and try so many settings more; the test split is read once more.
        warm_start: folder of an earlier search: its trials that are settings of this study are known to the sampler.
        pareto: a cost of the student that is to be low too: `parameters`, `multiply_adds`, `latency` or `latency_64`;
            draws among the study's `sizes` too, and gives `Result.front`. A search keeps it when it goes on.
        costs: a file of `raykd measure`, from the machine that the student is for; measured here by default.
        keep_teacher_outputs: bytes, or a size such as `20GB`, for what teachers say of each view; see `Store`.
        address: of the Ray cluster; see `raykd.cluster.machines.connect`.
        verbose: let Ray print what it likes.
        listeners: told of each event of the search, as it happens; see `raykd.protocols.event`.

    Returns:
        What was found, up to then if it was stopped: the same call with `resume`, and no `more_trials`, goes on.

    Raises:
        UserError: one line on what is wrong, before any work starts; a ValueError, KeyError, OSError or RuntimeError.
        SearchInterrupted: it was stopped before its first trial or after its last one; a `KeyboardInterrupt`.
    """
    wanted = Wanted(workers=Workers.of(workers), slots=slots, slots_per_gpu=slots_per_gpu)
    given = {"slots_per_gpu": slots_per_gpu, "keep_teacher_outputs": keep_teacher_outputs, "address": address}
    options, room = _recorded(workers=workers, slots=slots, **given), parse_room(keep_teacher_outputs)
    amount: dict[str, Any] = {"trials": trials, "more_trials": more_trials, "confirm": confirm, "resume": resume}
    asked = Asked(**amount, storage=storage, name=name, seed=seed, known=warm_start, pareto=pareto, options=options)
    opened = asked.open(study, wanted.workers.needed)
    with _held(opened.folder, opened.storage):
        found = known_costs(opened.study, opened.folder, costs, _said)
        return _run(opened, found, room, wanted, address, verbose, listeners)


@contextlib.contextmanager
def _held(folder: Path, storage: Storage) -> Iterator[None]:
    """The search as one's own; a Ctrl-C says which one it has stopped."""
    try:
        with keep_in_step(folder, storage), running(folder), remove_unless_begun(folder):
            yield
    except KeyboardInterrupt:
        raise SearchInterrupted(folder) from None


def _said(line: str) -> None:
    log(Said(text=line))


def _recorded(**given: Any) -> dict[str, Any]:
    """The options that are not as they are by default: who goes on with the search is told them."""
    parameters = inspect.signature(tune).parameters
    return {option: value for option, value in given.items() if value != parameters[option].default}


def _run(
    opened: Opened,
    costs: Costs | None,
    room: int | None,
    wanted: Wanted,
    address: str | None,
    verbose: bool,
    listeners: Sequence[Listener],
) -> Result:
    """The search in its folder, from its first or next trial to its report."""
    study, folder, search = opened.study, opened.folder, opened.search
    trials = Trials(study, folder, opened.storage, room, costs=costs)
    if (module := study_module(study)) is not None:
        cloudpickle.register_pickle_by_value(module)  # workers cannot import a study's file
    wanted_trials = search.trials + len(baselines(study.recipe)) if search.trials else 0
    ConfirmingSearch.begin(wanted_trials, Confirmation.of(study, search.trials, search.confirm))
    total = ConfirmingSearch.most()
    progress, status_file = Progress(total), StatusFile(folder, total)
    cost = trials.cost_of_setting if costs is not None else None
    pruning = Pruning(folder / TRIALS, trials.storage, max(KEPT, study.finalists), cost)
    board = SearchBoard(folder, every_column(study), study.recipe.epochs)
    journal = OptunaJournal(study, trials.storage, cost)  # which only looks on, as a user's own listeners do
    tell = EventStream(progress, status_file, pruning, board, log, guests=[journal, *listeners])
    look = functools.partial(stop_if_asked, folder)
    ray_log = None if verbose else folder / "ray.log"
    with connected(address, ray_log) as line, sigterm_as_ctrl_c(), quiet(ray_log), progress:
        for known in filter(None, (line, opened.known, costs)):
            tell(Said(text=str(known)))
        plan = plan_slots(trials, wanted, total, tell, look)
        if search.threads is None and not plan.resources.gpus_per_worker:
            search = dataclasses.replace(search, threads=plan.resources.threads)
        trials = dataclasses.replace(trials, threads=search.threads)
        if plan.resources.elastic:
            keep_coordinator()
        tell(Said(text=f"{plan}; everything goes to {trials.for_ray('.')}"))
        write_search(folder, search)  # with the trials that were added, as nothing can refuse them any more
        tell(SearchBegan(folder=folder, total=total, ranges=study.every_range()))
        if (line := others_hold(plan)) is not None:
            tell(Said(text=line))
        tell(Doing(text="starting the groups of workers"))
        look()
        shared = preparation(trials)
        ProgressCallback.begin(tell, each_step=status_file.flush, preparation=shared)
        found = run_search(
            trials, plan, shared, search, known=opened.known.known if opened.known else (), verbose=verbose
        )
        tell(Doing(text="gathering the results"))
        result = report(trials, found, search.confirm, plan.resources)
        told = result.summary
        accuracy = told["metrics"].get(METRIC)
        interrupted = result.interrupted
        tell(SearchEnded(interrupted=interrupted, best=told["best"], accuracy=accuracy, verdict=told["verdict"]))
        return result
