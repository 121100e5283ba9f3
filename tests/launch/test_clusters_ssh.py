"""`ray up`, `ray submit` and `ray down` for real, on the committed files, over SSH to machines made of namespaces.

What is changed in the files: the user and the key to log in with. The environment is that of these tests, which the
machines find in its place.
"""

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from machines import Machines, skip_where_there_can_be_none

from run_commands import ROOT, write_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


def write_cluster(machines: Machines, name: str, **provider: Any) -> Path:
    """A committed cluster file with the changes named above."""
    config = yaml.safe_load((ROOT / name).read_text())
    config["auth"] = {"ssh_user": "ray", "ssh_private_key": str(machines.key)}
    config["provider"] |= provider
    path = machines.folder / Path(name).name
    path.write_text(yaml.safe_dump(config))
    return path


@pytest.fixture(scope="module")
def one() -> Iterator[Machines]:
    skip_where_there_can_be_none()
    machines = Machines()
    yield machines
    machines.end()


@pytest.fixture(scope="module")
def cluster(one: Machines) -> Path:
    """`cluster.yaml`, its cluster up."""
    path = write_cluster(one, "cluster.yaml")
    up = one.ray("up", path, "--yes", folder=ROOT)
    assert up.returncode == 0, up.stdout
    assert "1 of 1 machines have joined" in up.stdout
    return path


def test_the_command_of_the_readme_runs_from_a_clone(one: Machines, cluster: Path):
    """With arguments; the study lies in the clone's copy on the head, where a relative path finds it."""
    write_study(one.home() / ".raykd" / "source" / "search_spaces", name="small")
    words = ("--study", "search_spaces/small.py", "--name", "first", "--trials", 1)
    ended = one.ray("submit", cluster, "launch/tune.py", "--", *words, folder=ROOT)
    assert ended.returncode == 0, ended.stdout
    assert "joined your Ray cluster at " in ended.stdout
    assert "best of single runs: " in ended.stdout
    assert (one.home() / "runs" / "first" / "best_recipe.json").is_file()


def test_an_error_is_one_line_and_fails(one: Machines, cluster: Path):
    ended = one.ray("submit", cluster, "launch/tune.py", "--", "--trails", 1, folder=ROOT)
    assert ended.returncode == 1
    assert "error: unknown option --trails; did you mean --trials?" in ended.stdout
    assert "Traceback" not in ended.stdout


def test_a_worker_that_cannot_be_set_up_is_named_with_what_it_said():
    skip_where_there_can_be_none()
    machines = Machines(workers=["10.0.0.2"], head="10.0.0.1")
    try:
        (machines.home(1) / ".raykd").write_text("in the way")
        path = write_cluster(machines, "launch/clusters/on_premises_gpu.yaml", worker_ips=["10.0.0.2"])
        up = machines.ray("up", path, "--yes", folder=ROOT)
        assert up.returncode == 1
        assert f"    mkdir: cannot create directory '{machines.home(1)}/.raykd': Not a directory" in up.stdout
        assert "error: 1 of 2 machines have not joined: 10.0.0.2; mend what is said above" in up.stdout
        assert "Traceback" not in up.stdout
    finally:
        machines.end()


def test_what_was_made_is_fetched(one: Machines, cluster: Path, tmp_path: Path):
    made = one.home() / "runs" / "fetch_result" / "trials.csv"
    made.parent.mkdir(parents=True)
    made.write_text("name\n")
    ended = one.ray("rsync-down", cluster, "~/runs/", tmp_path / "runs", folder=ROOT)
    assert ended.returncode == 0, ended.stdout
    assert (tmp_path / "runs" / "fetch_result" / "trials.csv").read_text() == "name\n"


def test_down_leaves_nothing_running(one: Machines, cluster: Path):
    """The last test on this cluster."""
    assert "gcs_server" in one.processes()
    ended = one.ray("down", cluster, "--yes", folder=ROOT)
    assert ended.returncode == 0, ended.stdout
    assert "gcs_server" not in one.processes()
    assert "raylet" not in one.processes()


def test_trials_run_on_the_workers_of_a_head_without_resources_and_nothing_is_left():
    """`on_premises_gpu.yaml` with one of its workers, and a shared folder at /mnt/raykd."""
    skip_where_there_can_be_none()
    machines = Machines(workers=["10.0.0.2"], head="10.0.0.1")
    try:
        left = machines.home() / ".ray" / "auth_token"  # by an earlier search on the head
        left.parent.mkdir()
        left.write_text("another token")
        path = write_cluster(machines, "launch/clusters/on_premises_gpu.yaml", worker_ips=["10.0.0.2"])
        up = machines.ray("up", path, "--yes", folder=ROOT)
        assert up.returncode == 0, up.stdout
        assert "2 of 2 machines have joined" in up.stdout

        stranger = "RAY_AUTH_MODE=disabled ray status --address 10.0.0.1:$RAYKD_PORT"
        refused = machines.ray("exec", path, stranger, folder=ROOT)
        assert refused.returncode != 0
        assert "token" in refused.stdout.lower(), refused.stdout

        study = write_study(machines.folder / "storage")
        words = ("--study", f"/mnt/raykd/{study.name}", "--storage", "/mnt/raykd", "--name", "first")
        ended = machines.ray("submit", path, "launch/tune.py", "--", *words, folder=ROOT)
        assert ended.returncode == 0, ended.stdout
        assert "best of single runs: " in ended.stdout
        assert (machines.folder / "storage" / "first" / "student.safetensors").is_file()

        assert machines.ray("down", path, "--yes", folder=ROOT).returncode == 0
        assert "raylet" not in machines.processes(0)
        deadline = time.monotonic() + 120  # Ray stops the head; workers end when they have missed it for a minute
        while "raylet" in machines.processes(1):
            assert time.monotonic() < deadline
            time.sleep(1)

        removed = machines.python("launch/clusters/remove.py", path, folder=ROOT)
        assert removed.returncode == 0, removed.stdout
        assert "10.0.0.2 is emptied" in removed.stdout and "10.0.0.1 is emptied" in removed.stdout
        for number in (0, 1):
            left = {path.name for path in machines.home(number).iterdir()}
            assert left <= {".bash_profile", ".bashrc", ".config", ".ray"}
            assert (machines.home(number) / ".bashrc").read_text() == ""
            assert list((machines.home(number).parent / "t").iterdir()) == []
    finally:
        machines.end()
