"""`tune(study)`: the whole search, from the checks before it to the report after it."""

import contextlib
import os
import re
import time
from pathlib import Path
from typing import Any

import ray
from ray import cloudpickle, tune as ray_tune

from raykd.artifacts import write_text
from raykd.cluster.connect import connected
from raykd.cluster.plan import Plan, make_plan
from raykd.cluster.prepare import prepare, report
from raykd.cluster.scheduler import Rungs
from raykd.cluster.searcher import StudySearch
from raykd.cluster.slot import METRIC, Slot
from raykd.cluster.trials import Trials
from raykd.cluster.watch import Watch
from raykd.listeners import write_experiment
from raykd.progress import Progress
from raykd.result import Result
from raykd.serialise import to_text
from raykd.study import Study, study_module

_NUM_BASELINES = 2
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
        resume: go on with the search of that name, or with the study's newest one.
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
    root = Path(storage).expanduser().absolute()
    folder = _folder(root, study, name, resume)
    study.check(workers)
    _check_writable(root)
    if (module := study_module(study)) is not None:
        cloudpickle.register_pickle_by_value(module)  # workers cannot import a study's file
    progress = Progress(trials + _NUM_BASELINES)
    with connected(address, None if verbose else folder / "ray.log") as line, _quiet(verbose):
        progress.say(line)
        plan = make_plan(ray.cluster_resources(), workers, slots, trials + _NUM_BASELINES)
        progress.say(f"{plan.slots} trial(s) at a time, {workers} worker(s) each; everything goes to {folder}")
        searched = Trials(study, folder, root / "artifacts")
        write_text(folder / "base_recipe.json", to_text(study.recipe))
        write_experiment(folder / "tensorboard", study.every_range(), [METRIC, "train/loss"])
        with progress:
            prepare(searched, plan.resources, progress.status)
            progress.status("starting the groups of workers")
            Watch.progress = progress
            grid = _tuner(searched, plan, trials, seed, resume, verbose).fit()
            progress.status("reading the test split")
            result = report(searched, grid, plan.resources)
        return result


def _tuner(trials: Trials, plan: Plan, count: int, seed: int, resume: bool, verbose: bool) -> ray_tune.Tuner:
    trainable: Any = ray_tune.with_resources(
        ray_tune.with_parameters(Slot, trials=trials, resources=plan.resources), plan.slot_resources
    )
    path = trials.folder / _TUNE
    if resume and ray_tune.Tuner.can_restore(str(path)):
        return ray_tune.Tuner.restore(str(path), trainable=trainable, resume_unfinished=True, resume_errored=True)
    return ray_tune.Tuner(
        trainable,
        tune_config=ray_tune.TuneConfig(
            search_alg=StudySearch(trials.study, seed, [trials.study.complete(v) for v in trials.study.first or ({},)]),
            scheduler=Rungs(trials.study),
            num_samples=count + _NUM_BASELINES,
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


def _folder(root: Path, study: Study, name: str | None, resume: bool) -> Path:
    if name is not None and not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9_.-]*", name):
        raise ValueError(f"a name is made of letters, digits, '-', '_' and '.', and starts with a letter or digit, got {name!r}")
    if not resume:
        folder = root / (name or f"{study.name}-{time.strftime('%Y%m%d-%H%M%S')}")
        if (folder / _TUNE).exists():
            raise FileExistsError(f"{folder} holds a search already; go on with it by --resume, or choose another name")
        return folder
    if name is not None:
        if not (root / name / _TUNE).exists():
            raise FileNotFoundError(f"no search {name!r} in {root} to resume")
        return root / name
    found = [path.parent for path in root.glob(f"{study.name}-*/{_TUNE}")]
    if not found:
        raise FileNotFoundError(f"no search of study {study.name!r} in {root} to resume")
    return max(found, key=lambda path: (path / _TUNE).stat().st_mtime)


def _check_writable(root: Path) -> None:
    try:
        root.mkdir(parents=True, exist_ok=True)
        probe = root / f".raykd-{os.getpid()}"
        probe.touch()
        probe.unlink()
    except OSError as error:
        raise PermissionError(f"cannot write to storage {root}: {error.strerror}") from None


@contextlib.contextmanager
def _quiet(verbose: bool):
    """Keeps Ray's notices and warnings off the screen, unless asked for."""
    import logging
    import warnings

    if verbose:
        yield
        return
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in ("ray", "ray.tune", "ray.train", "optuna"):
            logging.getLogger(logger).setLevel(logging.ERROR)
        yield
