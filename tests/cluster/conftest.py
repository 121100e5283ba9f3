"""One Ray for all tests of the cluster package, and a study that its workers can train in moments."""

import logging
import os
from collections.abc import Callable, Iterator

import pytest
import ray
import torch
from optuna.trial import TrialState
from small_studies import TRIALS, optuna_trials, tiny_study

import raykd.cluster  # its settings stand before Ray's first process starts
import tiny
from raykd.cluster.tune import tune
from raykd.protocols.event import Event, TrialEnded
from raykd.runs.result import Result
from raykd.studies.study import Study

assert raykd.cluster


@pytest.fixture(scope="session")
def ray_cluster():
    """Ray on this machine, with two CPUs: of two slots, each worker computes with one thread, as the tests do."""
    ray.cloudpickle.register_pickle_by_value(tiny)  # pyright: ignore[reportAttributeAccessIssue]
    ray.init(
        address="local",
        num_cpus=2,
        object_store_memory=100 * 2**20,
        include_dashboard=False,
        log_to_driver=False,
        logging_level=logging.ERROR,
    )
    yield
    ray.shutdown()


@pytest.fixture
def threads() -> Iterator[Callable[[int], None]]:
    """Sets how many threads PyTorch computes with, for the test: sums depend on it in their last bits."""
    before = torch.get_num_threads()
    yield torch.set_num_threads
    torch.set_num_threads(before)


@pytest.fixture
def study() -> Study:
    """Choices of a term, a route and a swap around the tiny recipe."""
    return tiny_study()


@pytest.fixture(scope="session")
def told() -> list[Event]:
    """What a listener of the search `found` heard."""
    return []


@pytest.fixture(scope="session")
def failed() -> list[Event]:
    """What another listener of that search heard, which failed when the first trial ended."""
    return []


@pytest.fixture(scope="session")
def looked() -> list[dict[str, TrialState]]:
    """How it was in the search's study of Optuna's with each trial, whenever one of them had ended."""
    return []


@pytest.fixture(scope="session")
def found(
    ray_cluster: None,
    tmp_path_factory: pytest.TempPathFactory,
    told: list[Event],
    failed: list[Event],
    looked: list[dict[str, TrialState]],
) -> Result:
    """A whole search, to look at."""

    def fails(event: Event) -> None:
        failed.append(event)
        if isinstance(event, TrialEnded):
            raise ZeroDivisionError("of the user's own")

    def looks(event: Event) -> None:
        if isinstance(event, TrialEnded):
            trials = optuna_trials(storage / "search")
            looked.append({trial.user_attrs["trial"]: trial.state for trial in trials})

    storage, listeners = tmp_path_factory.mktemp("storage"), [fails, told.append, looks]
    return tune(
        tiny_study(), trials=TRIALS, confirm=2, slots=2, storage=storage, name="search", seed=3, listeners=listeners
    )


assert os.environ["TUNE_GLOBAL_CHECKPOINT_S"] == "1000000000"
