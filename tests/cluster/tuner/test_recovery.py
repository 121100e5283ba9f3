"""What a dead slot's group still holds is freed while a trial waits for a slot in its place, and only then."""

from typing import Any

import pytest
import ray
from ray.experimental import internal_kv
from ray.tune.experiment import Trial
from ray.util.placement_group import placement_group, placement_group_table

from raykd.cluster.tuner import recovery as recovery_module
from raykd.cluster.tuner.recovery import Recovery
from raykd.cluster.workers import leftovers
from raykd.cluster.workers.leftovers import mailbox_name
from raykd.cluster.workers.mailbox import Mailbox

pytestmark = [pytest.mark.usefixtures("ray_cluster"), pytest.mark.timeout(120)]


def held(group: str) -> str:
    """The id of what a group of that name holds."""
    placement = placement_group([{"CPU": 0.5}])
    assert placement.wait(30)
    internal_kv._internal_kv_put(mailbox_name("groups", group), placement.id.hex(), namespace=leftovers._TABLE)
    return placement.id.hex()


def is_held(identity: str) -> bool:
    return placement_group_table()[identity]["state"] != "REMOVED"


def test_only_what_has_lost_its_mailbox_and_only_for_a_trial_that_waits(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(recovery_module, "_LOOK_EVERY_S", 0.0)
    lost, living = held("lost"), held("living")
    mailbox: Any = ray.remote(num_cpus=0)(Mailbox).options(name=mailbox_name("groups", "living")).remote()
    ray.get(mailbox.begin.remote())
    recovery = Recovery("groups")

    def step(*states: tuple[str, int]) -> None:
        trials = [Trial("slot", stub=True) for _ in states]
        for trial, (status, failures) in zip(trials, states, strict=True):
            trial.status, trial.run_metadata.num_failures = status, failures
        recovery.on_step_end(0, trials)

    step((Trial.RUNNING, 1), (Trial.PENDING, 0), (Trial.TERMINATED, 1))
    assert is_held(lost)
    step((Trial.RUNNING, 0), (Trial.PENDING, 1))
    assert not is_held(lost)
    assert is_held(living)
    ray.kill(mailbox)
    leftovers.free_placement("groups", "living")
    assert not is_held(living)
