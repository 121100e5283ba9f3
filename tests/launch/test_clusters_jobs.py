"""`ray job submit` as docs/clusters.md has it, to a head that asks for a token."""

import contextlib
import os
import secrets
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from run_commands import ROOT, free_port, write_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]


@dataclass(frozen=True)
class Cluster:
    """A head with its dashboard, in a folder for temporary files of its own."""

    folder: Path
    dashboard: str
    environment: dict[str, str]

    def submit(self, *words: object, **environment: str) -> subprocess.CompletedProcess[str]:
        """`ray job submit` from the clone; its own words, then those of `launch/tune.py` after `--`."""
        call = [sys.executable, "-m", "ray.scripts.scripts", "job", "submit", "--address", self.dashboard]
        return subprocess.run(
            [*call, *map(str, words)],
            cwd=ROOT,
            env=self.environment | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=300,
            check=False,
        )


@pytest.fixture(scope="module")
def cluster() -> Iterator[Cluster]:
    folder = Path(tempfile.mkdtemp(prefix="rk", dir="/tmp"))  # short: sockets below it may have 107 letters
    port, dashboard, agent = free_port(), free_port(), free_port()
    environment = os.environ | {
        "RAY_TMPDIR": str(folder),
        "RAY_AUTH_MODE": "token",
        "RAY_AUTH_TOKEN": secrets.token_hex(32),
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
    }
    ports = [f"--port={port}", f"--dashboard-port={dashboard}", f"--dashboard-agent-listen-port={agent}"]
    size = ["--num-cpus=2", "--object-store-memory=100000000"]
    start = [sys.executable, "-m", "ray.scripts.scripts", "start", "--head", "--block", "--node-ip-address=127.0.0.1"]
    with (folder / "log").open("wb") as log:
        head = subprocess.Popen(
            [*start, *ports, *size], env=environment, start_new_session=True, stdout=log, stderr=log
        )
    try:
        wait = [sys.executable, "launch/clusters/wait.py", "--minutes", "2", "--machines", "1"]
        more = {"RAY_ADDRESS": f"127.0.0.1:{port}"}
        waited = subprocess.run(wait, cwd=ROOT, env=environment | more, capture_output=True, text=True, check=False)
        assert waited.stdout == "1 of 1 machines have joined\n", waited.stderr
        yield Cluster(folder, f"http://127.0.0.1:{dashboard}", environment)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(head.pid, signal.SIGKILL)
        head.wait()
        time.sleep(1)  # what the head started sees that it is gone, and ends
        shutil.rmtree(folder, ignore_errors=True)


def test_a_search_runs_as_a_job(cluster: Cluster):
    """Blanks in arguments survive."""
    folder = cluster.folder / "two words"
    folder.mkdir()
    study = write_study(folder)
    words = ("--study", study, "--storage", folder / "runs", "--name", "first")
    ended = cluster.submit("--working-dir", ".", "--", "python", "launch/tune.py", *words)
    assert ended.returncode == 0, ended.stdout
    assert "with 2 CPUs and 0 GPUs" in ended.stdout
    assert "best of single runs: " in ended.stdout
    assert (folder / "runs" / "first" / "student.safetensors").is_file()


def test_a_job_that_fails_says_why(cluster: Cluster):
    ended = cluster.submit("--working-dir", ".", "--", "python", "launch/tune.py", "--trials", 0)
    assert ended.returncode == 1
    assert "error: trials must be at least 1, got 0" in ended.stdout


def test_the_entrypoint_starts_where_ray_was_started(cluster: Cluster):
    """As launch/kubernetes/rayjob.yaml relies on: its pods' folder is the clone's."""
    ended = cluster.submit("--", "python", "-c", "import os; print('in', os.getcwd())")
    assert f"in {Path.cwd()}" in ended.stdout


def test_without_the_token_nobody_gets_in(cluster: Cluster):
    ended = cluster.submit("--", "true", RAY_AUTH_MODE="disabled", RAY_AUTH_TOKEN="")
    assert ended.returncode != 0
    assert "401" in ended.stdout or "token" in ended.stdout.lower(), ended.stdout
