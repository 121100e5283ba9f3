"""A search joins the cluster that `ray start` left on the node, and says so; a dead one is one clear line."""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from run_commands import Finished, end, free_port, start, start_typed, write_study
from waiting import wait_until

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Head:
    """A Ray cluster of one node, with a folder for temporary files of its own."""

    process: subprocess.Popen[bytes]
    address: str
    environment: dict[str, str]


@pytest.fixture(scope="module")
def head() -> Iterator[Head]:
    folder = tempfile.mkdtemp(prefix="rk", dir="/tmp")  # short: sockets below it may have 107 letters
    environment = {"RAY_TMPDIR": folder, "RAY_USAGE_STATS_ENABLED": "0"}
    options = ["--head", "--block", f"--port={free_port()}", "--num-cpus=2"]
    memory = ["--object-store-memory=100000000", "--include-dashboard=false"]
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", *options, *memory]
    process = subprocess.Popen(
        command,
        env=os.environ | environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    current = Path(folder) / "ray" / "ray_current_cluster"
    wait_until(current.exists, 60, lambda: "ray start does not come up", unless=lambda: process.poll() is not None)
    yield Head(process, current.read_text().strip(), environment)
    _kill(process)
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def tune(head: Head, tmp_path: Path):
    """`launch/tune.py` of the small study, started where the head's cluster was started."""

    def tuned(*words: object, **environment: str) -> Finished:
        write_study(tmp_path)
        words = ("--study", "small.py", *words)
        return end(start("tune", *words, folder=tmp_path, environment=head.environment | environment))

    return tuned


def test_a_cluster_that_was_started_on_this_node_is_joined(head: Head, tune):
    ended = tune()
    assert ended.code == 0, ended.error
    assert f"joined the Ray cluster at {head.address} with 2 CPUs and 0 GPUs\n" in ended.out
    assert "best of single runs: " in ended.out
    assert head.process.poll() is None


def test_an_address_in_the_environment_is_joined(head: Head, tune):
    current = Path(head.environment["RAY_TMPDIR"]) / "ray" / "ray_current_cluster"
    hidden = current.rename(current.with_name("hidden"))
    ended = tune("--trials", 1, RAY_ADDRESS=head.address)
    hidden.rename(current)
    assert ended.code == 0, ended.error
    assert f"joined the Ray cluster at {head.address} " in ended.out


def test_local_starts_its_own_beside_it(tune):
    ended = tune("--address", "local")
    assert ended.code == 0, ended.error
    assert "started Ray on this machine with " in ended.out


_OWN = """
from pathlib import Path
from raykd.cluster.machines.autoscaler import is_starting_machines, starts_machines
from raykd.cluster.machines.connect import connected
from raykd.cluster.machines.nodes import is_all_here
with connected("local", Path("ray.log")) as line:
    print(line, starts_machines(), is_starting_machines(), is_all_here())
    for file in Path("/proc").glob("[0-9]*/cmdline"):
        if "ray" in (words := file.read_text().replace(chr(0), " ")):
            print(words)
"""


def test_a_ray_of_ones_own_has_no_process_that_a_search_does_not_use(tmp_path: Path):
    environment = {"RAY_TMPDIR": tempfile.mkdtemp(prefix="rk", dir="/tmp")}
    ended = end(start_typed("-c", _OWN, folder=tmp_path, environment=environment))
    assert (ended.code, ended.error) == (0, "")
    line, *words = ended.out.splitlines()
    assert line.startswith("started Ray on this machine with ") and line.endswith(" False False True")
    own = [each for each in words if environment["RAY_TMPDIR"] in each]
    assert any("raylet" in each for each in own)
    assert not [each for each in own if "dashboard.py" in each or "monitor.py" in each]
    shutil.rmtree(environment["RAY_TMPDIR"])


def test_a_dead_cluster_is_one_line(head: Head, tune, tmp_path: Path):
    """The last of these tests: it kills the cluster as a power cut would, its address staying on the disk."""
    _kill(head.process)
    ended = tune()
    assert ended.code == 1
    refused = "Connection refused; --address local starts one"
    assert ended.error == f"error: no Ray cluster answers at {head.address}: {refused}"
    assert not list((tmp_path / "runs").iterdir())


def _kill(process: subprocess.Popen[bytes]) -> None:
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
