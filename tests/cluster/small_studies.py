"""A study whose workers train in moments."""

from pathlib import Path

import optuna
from optuna.distributions import FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import FrozenTrial
from ray import cloudpickle

import tiny
from raykd.cluster.workers.job import Job
from raykd.methods.iakd import IAKD, NoSwap
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval, FinalTeacher
from raykd.studies.study import Study

TRIALS = 6  # of the search that several tests look at


def tiny_study(**changes) -> Study:
    """Choices of a term, a route and a swap around the tiny recipe."""
    recipe = tiny.recipe(epochs=4)
    values = {
        "recipe": recipe,
        "choices": {
            "terms/kd": {"on": KD(weight=0.9), "off": None},
            "terms/quest": {"off": None, "on": Quest(words=8)},
            "route": {"final teacher": FinalTeacher(), "equal interval": EqualInterval(count=2)},
            "swap": {"off": NoSwap(), "iakd": IAKD()},
        },
        "ranges": {
            "terms/quest/words": None,
            "route/count": None,
            "optimiser/lr": FloatDistribution(0.01, 0.2, log=True),
        },
        "first": ({}, {"terms/quest": "on", "route": "equal interval", "swap": "iakd"}),
        "name": "tiny",
        "trials": 5,
        "grace": 2,
        "reduction": 2,
        "confirm": 0,
    }
    return Study(**(values | changes))


def pickled(job: Job) -> bytes:
    """With the classes of `tiny`, which workers cannot import."""
    return cloudpickle.dumps(job)  # pyright: ignore[reportPrivateImportUsage]


def optuna_trials(folder: Path) -> list[FrozenTrial]:
    """The trials of a search as Optuna reads them."""
    storage = JournalStorage(JournalFileBackend(str(folder / "optuna.journal")))
    return optuna.load_study(study_name=None, storage=storage).trials
