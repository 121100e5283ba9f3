"""One Ray for all tests of the cluster package, and a study that its workers can train in moments."""

import os

import pytest
import ray
from optuna.distributions import FloatDistribution

import raykd.cluster  # its settings stand before Ray's first process starts
import tiny
from raykd.methods.iakd import IAKD, NoSwap
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval, FinalTeacher
from raykd.study import Study

assert raykd.cluster


@pytest.fixture(scope="session")
def ray_cluster():
    """Ray on this machine, with more logical CPUs than the machine has: groups wait most of the time."""
    ray.cloudpickle.register_pickle_by_value(tiny)  # pyright: ignore[reportAttributeAccessIssue]
    ray.init(
        address="local",
        num_cpus=4,
        object_store_memory=100 * 2**20,
        include_dashboard=False,
        log_to_driver=False,
        logging_level="ERROR",
    )
    yield
    ray.shutdown()


@pytest.fixture
def study() -> Study:
    """Choices of a term, a route and a swap around the tiny recipe."""
    return tiny_study()


def tiny_study(**changes) -> Study:
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
    }
    return Study(**(values | changes))


assert os.environ["TUNE_GLOBAL_CHECKPOINT_S"] == "1"
