"""The actor that elastic trials ask for room lies on the head, whoever needs it first."""

from typing import Any

import pytest
import ray

from raykd.cluster.workers import coordinator
from raykd.cluster.workers.coordinator import keep_coordinator

pytestmark = [pytest.mark.usefixtures("ray_cluster"), pytest.mark.timeout(120)]


def find() -> Any:
    return ray.get_actor("AutoscalingCoordinator", namespace="AutoscalingCoordinator")


def test_it_is_made_once_and_answers():
    keep_coordinator()
    first = find()
    keep_coordinator()
    assert find() == first
    assert ray.get(first.get_reserved_resources.remote("nobody")) == {}


class Anyone:
    """An actor that never starts."""


def test_one_whose_machine_was_lost_is_replaced(monkeypatch: pytest.MonkeyPatch):
    keep_coordinator()
    ray.kill(find())
    lost = ray.remote(num_cpus=0, resources={"a machine that is lost": 1})(Anyone)
    waits = lost.options(
        name="AutoscalingCoordinator", namespace="AutoscalingCoordinator", lifetime="detached"
    ).remote()
    assert find() == waits
    monkeypatch.setattr(coordinator, "_TIMEOUT_S", 1.0)
    keep_coordinator()
    assert ray.get(find().get_reserved_resources.remote("nobody")) == {}
