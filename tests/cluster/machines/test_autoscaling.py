"""A search on a cluster whose machines are started when it asks for them: real raylets, by Ray's own test provider."""

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from nodes import Nodes, skip_where_there_can_be_none

from run_commands import write_study
from waiting import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1200)]
_HEAD = "f" * 51 + "00000"  # what the provider calls the head
_CONFIG = {
    "cluster_name": "autoscaled",
    "provider": {
        "type": "external",  # the provider's own name needs a file that Ray's wheels lack
        "module": "ray.autoscaler._private.fake_multi_node.node_provider.FakeMultiNodeProvider",
        "use_node_id_as_ip": True,
        "disable_node_updaters": True,
        "disable_launch_config_check": True,
        "launch_multiple": True,
        "head_node_id": _HEAD,
    },
    "max_workers": 2,
    "head_node_type": "ray.head.default",
    "available_node_types": {
        "ray.head.default": {"resources": {"CPU": 0}, "node_config": {}, "max_workers": 0},
        "worker": {
            "resources": {"CPU": 1, "object_store_memory": 80_000_000},
            "node_config": {},
            "min_workers": 0,
            "max_workers": 2,
        },
    },
    "idle_timeout_minutes": 0.5,
    "upscaling_speed": 1.0,
    "auth": {},
    "docker": {},
    "file_mounts": {},
    "file_mounts_sync_continuously": False,
    **{
        name: []
        for name in (
            *("cluster_synced_files", "rsync_exclude", "rsync_filter", "initialization_commands", "setup_commands"),
            *("head_setup_commands", "worker_setup_commands", "head_start_ray_commands", "worker_start_ray_commands"),
        )
    },
}
_SECOND = {
    "RAY_enable_autoscaler_v2": "1",
    "RAY_CLOUD_INSTANCE_ID": _HEAD,
    "RAY_OVERRIDE_NODE_ID_FOR_TESTING": _HEAD,
    "RAY_NODE_TYPE_NAME": "ray.head.default",
}
_OF_ITS_KIND = {"first": {"RAY_enable_autoscaler_v2": "0"}, "second": _SECOND}


@pytest.fixture(params=["first", "second"])
def cluster(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Nodes]:
    """A head that trains nothing, and an autoscaler of Ray's first or second kind for two machines of a CPU."""
    skip_where_there_can_be_none()
    (tmp_path / "autoscaling.json").write_text(json.dumps(_CONFIG))
    environment = {"RAY_FAKE_CLUSTER": "1", "AUTOSCALER_UPDATE_INTERVAL_S": "1"} | _OF_ITS_KIND[request.param]
    nodes = Nodes(0, f"--autoscaling-config={tmp_path / 'autoscaling.json'}", environment)
    yield nodes
    nodes.end()


def test_machines_come_for_the_slots(cluster: Nodes, tmp_path: Path):
    output = tmp_path / "output"
    words = ("--study", write_study(tmp_path), "--storage", tmp_path / "storage", "--slots")
    greedy = cluster.tune(*words, 3, output=output)
    wait_until(lambda: "waiting for machines" in output.read_text(), 180, output.read_text)
    for pid in cluster.head.pids("launch/tune.py"):
        os.kill(pid, signal.SIGTERM)  # Ctrl-C is ignored in a background that a shell made
    assert greedy.wait(timeout=60) == 130, output.read_text()
    dry = cluster.tune(*words, 2, "--dry-run", output=output)
    assert dry.wait(timeout=60) == 1
    assert "too few CPUs: 2 trial(s) at a time with 1 worker(s) each need 2" in output.read_text()
    assert "the search would ask the autoscaler for more, a dry run does not\n" in output.read_text()
    search = cluster.tune(*words, 2, output=output)
    assert search.wait(timeout=600) == 0, output.read_text()
    assert "asks the autoscaler for room for 2 worker(s)\n" in output.read_text()
    assert "2 trial(s) at a time, 1 worker(s) each" in output.read_text()


def test_without_an_autoscaler_it_is_refused_at_once(tmp_path: Path):
    skip_where_there_can_be_none()
    nodes, output = Nodes(0), tmp_path / "output"
    search = nodes.tune("--study", write_study(tmp_path), "--storage", tmp_path, "--slots", 2, output=output)
    code = search.wait(timeout=120)
    nodes.end()
    assert code == 1
    assert output.read_text().splitlines()[-1].startswith("error: too few CPUs: 2 trial(s) at a time")
