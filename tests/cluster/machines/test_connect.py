"""A search joins the cluster that `ray start` left on the node, and says so; a dead one is one clear line."""

import contextlib
import json
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
from ray._raylet import GcsClient  # pyright: ignore[reportAttributeAccessIssue]
from users import as_nobody, give_to_nobody

from run_commands import ENVIRONMENT, Finished, end, free_port, start, start_typed, write_study
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
    with _started() as started:
        yield started


@contextlib.contextmanager
def _started(nobody: bool = False, **environment: str) -> Iterator[Head]:
    """A cluster of `ray start`; of another user's, if so."""
    folder = tempfile.mkdtemp(prefix="rk", dir="/tmp")  # short: sockets below it may have 107 letters
    environment = {"RAY_TMPDIR": folder, "RAY_USAGE_STATS_ENABLED": "0"} | environment
    options = ["--head", "--block", f"--port={free_port()}", "--num-cpus=2"]
    memory = ["--object-store-memory=100000000", "--include-dashboard=false"]
    command = [sys.executable, "-m", "ray.scripts.scripts", "start", *options, *memory]
    if nobody:
        give_to_nobody(Path(folder))
        command, environment = as_nobody(*command), environment | {"HOME": folder}
    process = subprocess.Popen(
        command,
        env=os.environ | environment,
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    current = Path(folder) / "ray" / "ray_current_cluster"
    wait_until(current.exists, 60, lambda: "ray start does not come up", unless=lambda: process.poll() is not None)
    try:
        yield Head(process, current.read_text().strip(), environment)
    finally:
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
    assert f"joined your Ray cluster at {head.address} with 2 CPUs and 0 GPUs\n" in ended.out
    assert "best of single runs: " in ended.out
    assert head.process.poll() is None


def test_an_address_in_the_environment_is_joined(head: Head, tune):
    current = Path(head.environment["RAY_TMPDIR"]) / "ray" / "ray_current_cluster"
    hidden = current.rename(current.with_name("hidden"))
    ended = tune("--trials", 1, RAY_ADDRESS=head.address)
    hidden.rename(current)
    assert ended.code == 0, ended.error
    assert f"joined your Ray cluster at {head.address} " in ended.out


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


def test_a_ray_of_ones_own_listens_on_loopback_alone(tmp_path: Path):
    """GCS, raylet, workers and the driver; by the kernel's table, of all processes of the session."""
    environment = {"RAY_TMPDIR": tempfile.mkdtemp(prefix="rk", dir="/tmp")}
    ended = end(start_typed("-c", _LISTENING, folder=tmp_path, environment=environment))
    assert (ended.code, ended.error) == (0, "")
    listening = ended.out.split()
    assert len(listening) >= 4
    assert {each for each in listening if not each.startswith(("127.", "::ffff:127.", "::1"))} == set()
    shutil.rmtree(environment["RAY_TMPDIR"])


_LISTENING = """
import ray
import psutil  # the one that Ray brings
from pathlib import Path
from raykd.cluster.machines.connect import connected
with connected("local", Path("ray.log")):
    ray.get([ray.remote(lambda: 1).remote() for _ in range(2)])
    own = psutil.Process()
    for process in [own, *own.children(recursive=True)]:
        for each in process.net_connections("inet"):
            if each.status == psutil.CONN_LISTEN:
                print(each.laddr.ip)
"""


def test_other_versions_are_one_line(head: Head, tune):
    """As another environment on the other side would say."""
    with _metadata(head, python_version="3.9.1"):
        ended = tune("--address", head.address)
    assert ended.code == 1
    assert ended.error.startswith(f"error: the Ray cluster at {head.address} has Ray 2.60.0 on Python 3.9.1, and this")
    assert ended.error.endswith("both must be the same; --address local starts one")
    assert ended.error.count("\n") == 0


@contextlib.contextmanager
def _metadata(head: Head, **changes: str) -> Iterator[None]:
    """Changes what a cluster says of itself."""
    client = GcsClient(address=head.address)
    before = client.internal_kv_get(b"CLUSTER_METADATA", namespace=b"cluster")
    changed = json.dumps(json.loads(before) | changes).encode()
    client.internal_kv_put(b"CLUSTER_METADATA", changed, True, namespace=b"cluster")
    try:
        yield
    finally:
        client.internal_kv_put(b"CLUSTER_METADATA", before, True, namespace=b"cluster")


@pytest.fixture(scope="module")
def closed() -> Iterator[Head]:
    """A cluster that asks for a token."""
    with _started(RAY_AUTH_MODE="token", RAY_AUTH_TOKEN="a" * 64) as started:
        yield started


@pytest.mark.parametrize("mode", ["token", "disabled"])
def test_another_token_is_one_line(mode: str, closed: Head, tune):
    ended = tune("--address", closed.address, RAY_AUTH_MODE=mode, RAY_AUTH_TOKEN="b" * 64)
    assert ended.code == 1
    assert ended.error.startswith(f"error: the Ray cluster at {closed.address} asks for a token that is not this user'")
    assert ended.error.count("\n") == 0


def test_a_token_that_a_search_has_left_is_sent(closed: Head, tune, tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    """`ray start` has found it, and asks for it; nobody has set a mode."""
    monkeypatch.delitem(ENVIRONMENT, "RAY_AUTH_MODE")  # as the other tests have it
    home = tmp_path / "home"
    (home / ".ray").mkdir(parents=True)
    (home / ".ray" / "auth_token").write_text("a" * 64)
    ended = tune("--trials", 1, HOME=str(home), RAY_TMPDIR=closed.environment["RAY_TMPDIR"])
    assert ended.code == 0, ended.error
    assert f"joined your Ray cluster at {closed.address} with 2 CPUs" in ended.out


def test_another_users_cluster_is_joined_only_if_asked(tune):
    """Two real users: he has started a cluster where a search looks for one."""
    with _started(nobody=True) as his:
        ended = tune("--dry-run", RAY_TMPDIR=his.environment["RAY_TMPDIR"])
        assert ended.code == 0, ended.error
        assert f"nobody's Ray cluster at {his.address} is left alone, --address auto joins it" in ended.out
        ended = tune("--dry-run", "--address", "auto", RAY_TMPDIR=his.environment["RAY_TMPDIR"])
        assert ended.code == 0, ended.error
        assert f"joined nobody's Ray cluster at {his.address}" in ended.out


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
