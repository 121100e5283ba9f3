"""One run of Tune over a search, a new one or one that was cut off, until it has ended or is interrupted."""

import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from optuna.trial import FrozenTrial
from ray import cloudpickle, tune

from raykd.cluster.machines.plan import Plan
from raykd.cluster.tuner.callback import ProgressCallback, StoppedEarlyError
from raykd.cluster.tuner.confirming import ConfirmingSearch
from raykd.cluster.tuner.ended_trials import UNFINISHED, Record
from raykd.cluster.tuner.quiet import NoTrialProgress
from raykd.cluster.tuner.recovery import Recovery
from raykd.cluster.tuner.replay import lines_of_known, replay
from raykd.cluster.tuner.scheduler import ASHA
from raykd.cluster.tuner.searcher import StudySearch
from raykd.cluster.tuner.suggestions import TrialGenerator
from raykd.cluster.tuner.trainable import Slot
from raykd.cluster.tuner.trials import Trials
from raykd.cluster.workers.preparation import Preparation
from raykd.protocols.event import SearchResumed
from raykd.runs.ledger import Ledger, read_ledger
from raykd.runs.search_folder import Search
from raykd.signals import ctrl_c_kept
from raykd.storage.layout import GROUPS
from raykd.storage.retry import retry_while_unavailable
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
        with ctrl_c_kept(), tempfile.TemporaryDirectory(prefix="raykd-tune-") as scratch:
            _tuner(trials, plan, preparation, search, known, verbose, scratch).fit()
    except StoppedEarlyError:
        raise KeyboardInterrupt from None
    finally:
        preparation.forget()
    if ProgressCallback.preparation is not None and not TrialGenerator.is_over:
        raise KeyboardInterrupt  # Tune has taken Ctrl-C as its own end
    history = ProgressCallback.history
    retry_while_unavailable(history.close)
    return Found(records=history.found(), is_whole=TrialGenerator.is_over)


def _tuner(
    trials: Trials,
    plan: Plan,
    preparation: Preparation,
    search: Search,
    known: Sequence[FrozenTrial],
    verbose: bool,
    scratch: str,
) -> tune.Tuner:
    """A run of Tune that is new, over a search that may go on, or has ended, in its folder.

    Args:
        scratch: a folder of this process alone, for what Tune saves and nobody reads.
    """
    pickled, groups = cloudpickle.dumps(trials), trials.for_ray(GROUPS)  # pyright: ignore[reportPrivateImportUsage]
    slot = tune.with_parameters(Slot, trials=pickled, groups=groups, resources=plan.resources, preparation=preparation)
    trainable: Any = tune.with_resources(slot, plan.slot_resources)
    study = trials.study
    asked, judged = _begun(trials, search, known)
    return tune.Tuner(
        trainable,
        tune_config=tune.TuneConfig(
            search_alg=TrialGenerator(asked, plan.slots),
            scheduler=ASHA(study, trials, judged),
            reuse_actors=True,
        ),
        run_config=tune.RunConfig(
            name="search",
            storage_path=scratch,
            callbacks=[ProgressCallback(trials), Recovery(groups), NoTrialProgress()],
            failure_config=tune.FailureConfig(max_failures=3),
            checkpoint_config=tune.CheckpointConfig(checkpoint_at_end=False),  # the workers keep every epoch
            verbose=1 if verbose else 0,
        ),
    )


def _begun(
    trials: Trials, search: Search, known: Sequence[FrozenTrial]
) -> tuple[ConfirmingSearch, dict[str, dict[int, float]]]:
    """The search, told all that is known of it, and what its trials are judged by; `ProgressCallback` has its history.

    Listeners such as the pruning begin anew with each driver, and are told of all that ended before.
    """
    ledger = Ledger(trials.folder)
    ledger.begin(lines_of_known(known))
    cost = trials.cost_of_setting if trials.costs is not None else None
    own = StudySearch(trials.study, search.seed, first_settings(trials.study), cost)
    asked = ConfirmingSearch(own, trials)
    replayed = replay(trials, read_ledger(trials.folder), own, asked, ledger)
    ProgressCallback.history = replayed.history
    if ProgressCallback.driver is not None and replayed.history.found():
        ended = {record.name: record.end for record in replayed.history.records}
        ProgressCallback.driver.tell(SearchResumed(ended=ended))
    return asked, replayed.judged
