"""`tune(study)`: the whole search, from the checks before it to the report after it."""

import contextlib
import logging
import os
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray
from ray import cloudpickle
from ray import tune as ray_tune

from raykd.baselines import baselines
from raykd.cluster.connect import connected
from raykd.cluster.plan import Plan, make_plan
from raykd.cluster.prepare import prepare
from raykd.cluster.report import report
from raykd.cluster.scheduler import Rungs
from raykd.cluster.searcher import StudySearch
from raykd.cluster.slot import METRIC, Slot
from raykd.cluster.trials import Trials
from raykd.cluster.watch import Watch
from raykd.listeners import write_experiment
from raykd.progress import Progress
from raykd.result import Result
from raykd.search_folder import Search, new_folder, old_folder
from raykd.study import Study
from raykd.study_file import study_module

_TUNE = "tune"


def tune(
    study: Study,
    *,
    trials: int | None = None,
    workers: int = 1,
    slots: int | None = None,
    storage: str | os.PathLike[str] = "runs",
    name: str | None = None,
    seed: int = 0,
    resume: bool = False,
    address: str | None = None,
    verbose: bool = False,
) -> Result:
    """Searches a study: two baselines, the study's first settings, then what Optuna's TPE draws, stopped early by ASHA.

    Args:
        trials: settings to try, the baselines not counted; the study's own number by default.
        workers: processes that train one trial together.
        slots: trials at a time; as many as the cluster has room for by default.
        storage: a folder that all machines of the cluster see. The search writes to `storage/name`, and shares
            the artefacts in `storage/artifacts` with every other search there.
        name: of the search; the study's name and the time by default.
        seed: of the sampler. What a trial gives depends on the recipe's own seed.
        resume: go on with the search of that name, or with the study's newest one, as it was started.
        address: of the Ray cluster; see `raykd.cluster.connect`.
        verbose: let Ray print what it likes.

    Returns:
        What was found. After Ctrl-C: what was found until then; the same call with `resume` goes on.

    Raises:
        ValueError, KeyError, FileNotFoundError, FileExistsError, PermissionError, ConnectionError: one line on what
            is wrong, before any work starts.
    """
    trials = study.trials if trials is None else trials
    if trials < 1:
        raise ValueError(f"trials must be at least 1, got {trials}")
    study.check(workers)
    root = Path(storage).expanduser().absolute()
    search = Search.of(study, trials, seed)
    if resume:
        folder, search = old_folder(root, name, study)
    else:
        folder = new_folder(root, name, search, study)
    if (module := study_module(study)) is not None:
        cloudpickle.register_pickle_by_value(module)  # workers cannot import a study's file
    progress = Progress(search.trials + len(baselines(study.recipe)))
    with connected(address, None if verbose else folder / "ray.log") as line, _quiet(verbose):
        progress.say(line)
        plan = make_plan(ray.cluster_resources(), workers, slots, progress.total)
        progress.say(f"{plan.slots} trial(s) at a time, {workers} worker(s) each; everything goes to {folder}")
        searched = Trials(study, folder, root / "artifacts")
        write_experiment(folder / "tensorboard", study.every_range(), [METRIC, "train/loss"])
        with progress:
            prepare(searched, plan.resources, progress.status)
            progress.status("starting the groups of workers")
            Watch.begin(progress)
            grid = _tuner(searched, plan, search, progress.total, verbose).fit()
            progress.status("gathering the results")
            return report(searched, grid, Watch.ended, progress.total, plan.resources)


def _tuner(trials: Trials, plan: Plan, search: Search, total: int, verbose: bool) -> ray_tune.Tuner:
    """A new search, or the one that was cut off in this folder."""
    trainable: Any = ray_tune.with_resources(
        ray_tune.with_parameters(Slot, trials=trials, resources=plan.resources), plan.slot_resources
    )
    path = str(trials.folder / _TUNE)
    if ray_tune.Tuner.can_restore(path):
        return ray_tune.Tuner.restore(path, trainable=trainable, resume_unfinished=True, resume_errored=True)
    study = trials.study
    return ray_tune.Tuner(
        trainable,
        tune_config=ray_tune.TuneConfig(
            search_alg=StudySearch(study, search.seed, [study.complete(values) for values in study.first or ({},)]),
            scheduler=Rungs(study),
            num_samples=total,
            max_concurrent_trials=plan.slots,
            reuse_actors=True,
        ),
        run_config=ray_tune.RunConfig(
            name=_TUNE,
            storage_path=str(trials.folder),
            callbacks=[Watch(trials)],
            failure_config=ray_tune.FailureConfig(max_failures=3),
            verbose=1 if verbose else 0,
        ),
    )


@contextlib.contextmanager
def _quiet(verbose: bool) -> Iterator[None]:
    """Keeps Ray's notices and warnings off the screen, unless asked for."""
    if verbose:
        yield
        return
    loggers = [logging.getLogger(name) for name in ("ray", "ray.tune", "ray.train", "optuna")]
    levels = [logger.level for logger in loggers]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.setLevel(logging.ERROR)
        try:
            yield
        finally:
            for logger, level in zip(loggers, levels, strict=True):
                logger.setLevel(level)
