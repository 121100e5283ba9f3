"""Tune's own controller, which no test runs: what raykd touches of it is there as Ray has it, or the test fails."""

from pathlib import Path

from ray.train._internal.storage import StorageContext
from ray.tune import Callback, ResumeConfig, register_trainable
from ray.tune.execution.tune_controller import TuneController
from ray.tune.experiment import Trial
from ray.tune.schedulers import TrialScheduler
from small_studies import tiny_study

from raykd.cluster.tuner.searcher import StudySearch
from raykd.cluster.tuner.suggestions import TrialGenerator


def new_controller(
    folder: Path, *callbacks: Callback, scheduler: TrialScheduler | None = None, resume: bool = False
) -> TuneController:
    """A controller that saves to a folder; resuming, it goes on from what another has saved there."""
    register_trainable("stub", lambda config: None)  # a resumed one looks its trials' up
    search = TrialGenerator(StudySearch(tiny_study(), 0, []))
    return TuneController(
        search_alg=search,
        scheduler=scheduler,
        callbacks=list(callbacks),
        resume_config=ResumeConfig() if resume else None,
        fail_fast=True,  # an error in a resumed one would only be logged
        storage=StorageContext(storage_path=str(folder), experiment_dir_name="tune"),
    )


def add(controller: TuneController, name: str, status: str) -> Trial:
    """Adds a trial as Tune would."""
    config = {"number": len(controller.get_trials()), "values": tiny_study().complete({})}
    made = Trial("stub", stub=True, trial_id=name, config=config, storage=controller._storage)
    made.set_status(status)
    controller.add_trial(made)
    return made
