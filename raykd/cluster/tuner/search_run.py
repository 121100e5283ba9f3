"""One run of Tune over a search: a new one or the one that was cut off, until it has ended or is interrupted."""

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from optuna.trial import FrozenTrial
from ray import cloudpickle, tune

from raykd.cluster.machines.plan import Plan
from raykd.cluster.tuner.callback import ProgressCallback, StoppedEarlyError
from raykd.cluster.tuner.confirming import ConfirmingSearch
from raykd.cluster.tuner.ended_trials import UNFINISHED, Record
from raykd.cluster.tuner.experiment_state import ExperimentState
from raykd.cluster.tuner.quiet import NoTrialProgress
from raykd.cluster.tuner.recovery import Recovery
from raykd.cluster.tuner.scheduler import ASHA
from raykd.cluster.tuner.searcher import StudySearch
from raykd.cluster.tuner.suggestions import TrialGenerator
from raykd.cluster.tuner.trainable import Slot
from raykd.cluster.tuner.trials import Trials
from raykd.cluster.workers.preparation import Preparation
from raykd.runs.search_folder import Search
from raykd.signals import ctrl_c_kept
from raykd.storage.layout import GROUPS, INNER, TUNE
from raykd.studies.settings import first_settings


@dataclass(frozen=True, kw_only=True)
class Found:
    """What came of the trials of a search.

    Args:
        records: of all that were begun, each once by its name.
        is_whole: whether all that was wanted was begun.
    """

    records: list[Record]
    is_whole: bool

    @property
    def has_ended(self) -> bool:
        """Whether there is nothing to go on with."""
        return self.is_whole and all(record.end.kind != UNFINISHED for record in self.records)


def run_search(
    trials: Trials,
    plan: Plan,
    preparation: Preparation,
    search: Search,
    *,
    known: Sequence[FrozenTrial] = (),
    verbose: bool,
) -> Found:
    """Trains the trials of a search that have not ended; `ProgressCallback.begin` has been called before.

    Args:
        preparation: of what they share, which the callback was given too.
        search: gives the sampler's seed; how many trials are wanted, `ConfirmingSearch.begin` was told before.
        known: trials of an earlier search, for the sampler of a new one.
        verbose: let Tune print what it likes.

    Returns:
        All trials that were begun; those that the search has left are `unfinished`.

    Raises:
        KeyboardInterrupt: it was stopped before a trial began.
        Exception: what trials share could not be made.
    """
    try:
        with ctrl_c_kept():
            _tuner(trials, plan, preparation, search, known, verbose).fit()
    except StoppedEarlyError:
        raise KeyboardInterrupt from None
    finally:
        preparation.forget()
    if ProgressCallback.preparation is not None and not TrialGenerator.is_over:
        raise KeyboardInterrupt  # Tune has taken Ctrl-C as its own end
    return Found(records=ProgressCallback.found(), is_whole=TrialGenerator.is_over)


def _tuner(
    trials: Trials,
    plan: Plan,
    preparation: Preparation,
    search: Search,
    known: Sequence[FrozenTrial],
    verbose: bool,
) -> tune.Tuner:
    """A new search, or the one that was cut off, or has ended, in this folder."""
    pickled, groups = cloudpickle.dumps(trials), trials.for_ray(GROUPS)  # pyright: ignore[reportPrivateImportUsage]
    slot = tune.with_parameters(Slot, trials=pickled, groups=groups, resources=plan.resources, preparation=preparation)
    trainable: Any = tune.with_resources(slot, plan.slot_resources)
    path, states = trials.for_ray(TUNE), ExperimentState(trials.folder, TUNE, trials.storage)
    resuming = tune.Tuner.can_restore(path) and states.put_first()
    TrialGenerator.begin(plan.slots, states, resuming)
    if resuming:
        return tune.Tuner.restore(path, trainable=trainable, resume_unfinished=True, resume_errored=True)
    study = trials.study
    cost = trials.cost_of_setting if trials.costs is not None else None
    own = StudySearch(study, search.seed, first_settings(study), known, cost)
    return tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=TrialGenerator(ConfirmingSearch(own, trials)),
            scheduler=ASHA(study, trials),
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name=Path(TUNE).name,
            storage_path=trials.for_ray(INNER),
            callbacks=[ProgressCallback(trials), Recovery(groups), NoTrialProgress()],
            failure_config=tune.FailureConfig(max_failures=3),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),  # the workers keep every epoch
            verbose=1 if verbose else 0,
        ),
    )
