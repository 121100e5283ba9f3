"""Ray's cluster commands on a file that names nobody."""

import os
import socket
import subprocess
from pathlib import Path
from typing import Any

import click
import pytest
import yaml
from ray.autoscaler._private import util

from raykd.cluster.ssh import heard, places, provider
from raykd.cluster.ssh.provider import MachinesBySSH
from raykd.errors import UnreachableError

# Ray leaves the file of its machines to be closed by the collector.
pytestmark = pytest.mark.filterwarnings("ignore:unclosed file:ResourceWarning")
FILE = Path(__file__).parents[3] / "cluster.yaml"


@pytest.fixture(autouse=True)
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    monkeypatch.setattr(provider, "look", lambda *words: None)
    return tmp_path


def config(**of_provider: Any) -> dict[str, Any]:
    """What Ray makes of the file."""
    raw = yaml.safe_load(FILE.read_text())
    raw["provider"] |= of_provider
    filled = MachinesBySSH.fillout_available_node_types_resources(util.prepare_config(raw))
    util.validate_config(filled)
    return MachinesBySSH.bootstrap_config(filled)


def runner(made: MachinesBySSH, host: str = "127.0.0.1", **auth: str):
    return made.get_command_runner("", host, auth, "raykd", subprocess, False)


def test_the_user_is_the_caller_unless_the_file_names_one():
    made = MachinesBySSH(config()["provider"], "raykd")
    assert runner(made).ssh_user == places.user()
    assert runner(made, ssh_user="ada").ssh_user == "ada"


@pytest.mark.parametrize("workers", [[], ["10.0.0.2", "10.0.0.3"]])
def test_all_workers_of_the_file_join(workers: list[str]):
    (kind,) = config(worker_ips=workers)["available_node_types"].values()
    assert kind["min_workers"] == kind["max_workers"] == len(workers)


def test_the_token_goes_to_each_machine_by_ssh():
    assert config()["file_mounts"]["~/.raykd/token"] == "~/.raykd/token"
    assert Path("~/.raykd/token").expanduser().stat().st_mode & 0o777 == 0o600


def test_state_and_lock_are_the_users_own():
    made = MachinesBySSH(config()["provider"], "raykd")
    assert Path(made.state.save_path) == places.folder() / "cluster-raykd.state"
    assert Path(made.state.file_lock.lock_file) == places.folder() / "cluster-raykd.lock"
    assert made.nodes_for_teardown({}) == ["127.0.0.1"]


def test_what_keeps_ray_from_logging_in_is_one_line(monkeypatch: pytest.MonkeyPatch):
    def nobody(*words: object) -> None:
        raise UnreachableError("nobody listens")

    monkeypatch.setattr(provider, "look", nobody)
    with pytest.raises(click.ClickException, match="nobody listens"):
        runner(MachinesBySSH(config()["provider"], "raykd"))


def test_a_host_without_an_address_is_one_line(monkeypatch: pytest.MonkeyPatch):
    def unknown(*words: object) -> str:
        raise socket.gaierror(-2, "Name or service not known")

    monkeypatch.setattr(MachinesBySSH, "external_ip", unknown)
    with pytest.raises(click.ClickException, match=r"no address is known for 127\.0\.0\.1, of the cluster file"):
        runner(MachinesBySSH(config()["provider"], "raykd"))


@pytest.mark.parametrize(
    ("command", "start", "fails"), [("submit", False, True), ("submit", True, False), ("up", None, False)]
)
def test_a_command_for_a_cluster_that_is_not_up_says_how_to_start_it(command: str, start: bool | None, fails: bool):
    made = MachinesBySSH(config()["provider"], "raykd")
    head = {"ray-node-type": "head"}
    with click.Context(click.Command(command), info_name=command) as context:
        context.params = {"cluster_config_file": "cluster.yaml"} | ({} if start is None else {"start": start})
        if fails:
            with pytest.raises(click.ClickException, match=r"the cluster is not up: ray up cluster\.yaml"):
                made.non_terminated_nodes(head)
        else:
            assert made.non_terminated_nodes(head) == []
        made.create_node({}, dict(head), 1)
        assert made.non_terminated_nodes(head) == ["127.0.0.1"]


def test_the_head_looks_at_no_worker(monkeypatch: pytest.MonkeyPatch):
    """An error would end its autoscaler, which tries again by itself."""
    monkeypatch.setattr(provider, "look", lambda *words: pytest.fail("looked"))
    runner(MachinesBySSH(config(worker_ips=["10.0.0.2"])["provider"], "raykd"), "10.0.0.2")


def test_the_head_keeps_what_a_worker_says_until_it_has_joined():
    made = MachinesBySSH(config(worker_ips=["10.0.0.2", "10.0.0.3"])["provider"], "raykd")
    for host in ("10.0.0.2", "10.0.0.3"):
        words = runner(made, host).words
        assert words == heard.file_for(host)
        words.write_text("at it")
    made.set_node_tags("10.0.0.2", {"ray-node-status": "up-to-date"})
    made.set_node_tags("10.0.0.3", {"ray-node-status": "update-failed"})
    assert (heard.at_work(), heard.failures()) == ("", {"10.0.0.3": ["at it"]})
    assert runner(made).words is None
    made.set_node_tags("127.0.0.1", {"ray-node-status": "update-failed"})
    assert list(heard.failures()) == ["10.0.0.3"]


def test_ray_keeps_no_file_for_the_next_user_to_run(home: Path):
    cache = home / "ray-config-1"
    cache.write_text("{}")
    runner(MachinesBySSH(config()["provider"] | {"_config_cache_path": str(cache)}, "raykd"))
    assert not cache.exists()


@pytest.mark.skipif(os.geteuid() != 0, reason="only root gives a file away")
def test_a_file_that_another_user_left_is_not_run(home: Path):
    cache = home / "ray-config-1"
    cache.write_text("{}")
    os.chown(cache, 12345, 12345)
    with pytest.raises(click.ClickException, match="is another user's"):
        runner(MachinesBySSH(config()["provider"] | {"_config_cache_path": str(cache)}, "raykd"))


def test_docker_is_not_ignored():
    made = MachinesBySSH(config()["provider"], "raykd")
    with pytest.raises(click.ClickException, match="docker"):
        made.get_command_runner("", "127.0.0.1", {}, "raykd", subprocess, False, {"container_name": "ray"})
