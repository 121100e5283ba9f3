"""Tune's own controller, which no test runs: what raykd touches of it is there as Ray has it, or the test fails."""

from pathlib import Path

from ray.train._internal.storage import StorageContext
from ray.tune import Callback, register_trainable
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler
from small_studies import tiny_study

from raykd.cluster.tuner.confirming import ConfirmingSearch
from raykd.cluster.tuner.searcher import StudySearch
from raykd.cluster.tuner.suggestions import TrialGenerator
from raykd.cluster.tuner.trials import Trials
from raykd.storage.opening import open_storage
from raykd.studies.study import Study


def searching(study: Study, folder: Path) -> ConfirmingSearch:
    """A search in a folder, of which `ConfirmingSearch.begin` says how much is wanted."""
    search = StudySearch(study, 0, [study.complete(values) for values in study.first])
    return ConfirmingSearch(search, Trials(study, folder, open_storage(str(folder))))


def new_controller(folder: Path, *callbacks: Callback, scheduler: TrialScheduler | None = None) -> TuneController:
    """A controller that saves to a folder."""
    register_trainable("stub", lambda config: None)
    return TuneController(
        search_alg=TrialGenerator(searching(tiny_study(first=()), folder), slots=1),
        scheduler=scheduler,
        callbacks=list(callbacks),
        storage=StorageContext(storage_path=str(folder), experiment_dir_name="tune"),
    )


def add(controller: TuneController, name: str, status: str) -> Trial:
    """Adds a trial as Tune would."""
    config = {"number": len(controller.get_trials()), "values": tiny_study().complete({})}
    made = Trial("stub", stub=True, trial_id=name, config=config, storage=controller._storage)
    made.set_status(status)
    controller.add_trial(made)
    return made
