"""What the cluster files run on a machine: the environment that is found or made, the Ray that is ended."""

import importlib
import itertools
import os
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path
from types import ModuleType

import pytest

from run_commands import ROOT

CLUSTERS = ROOT / "launch" / "clusters"


@pytest.fixture
def environment(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script, with a home of its own, and nothing that it would install."""
    monkeypatch.syspath_prepend(str(CLUSTERS))
    module = importlib.import_module("environment")
    monkeypatch.setattr(module, "HOME", tmp_path / "raykd")
    monkeypatch.delenv("RAYKD_RAY", raising=False)
    monkeypatch.delenv("RAYKD_PREFIX", raising=False)
    return module


def test_an_environment_that_has_all_of_it_is_used(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
):
    monkeypatch.setenv("RAYKD_PREFIX", sys.prefix)
    monkeypatch.setattr(environment, "make", lambda *words: pytest.fail("installs"))
    assert environment.main() == 0
    assert (environment.HOME / "environment").readlink() == Path(sys.prefix)
    assert capsys.readouterr().out == f"uses {sys.prefix}, which has all that raykd needs\n"


@pytest.mark.parametrize("there", ["/nowhere", "another Ray"])
def test_another_one_is_made_and_found_again(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], there: str
):
    monkeypatch.setenv("RAYKD_PREFIX", sys.prefix if there == "another Ray" else there)
    monkeypatch.setenv("RAYKD_RAY", "1.0")
    made: list[tuple[Path, str]] = []
    monkeypatch.setattr(environment, "make", lambda prefix, ray: made.append((prefix, ray)))
    assert environment.main() == 0
    assert made == [(environment.HOME / "venv", "1.0")]
    assert (environment.HOME / "environment").readlink() == environment.HOME / "venv"
    said = capsys.readouterr().out
    assert said == (f"{sys.prefix} lacks ray==1.0\n" if there == "another Ray" else "")


@pytest.mark.parametrize("gpu", [True, False])
def test_what_pip_does_is_shown(environment: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, gpu: bool):
    """Without a GPU, all but faiss-gpu is installed."""
    calls: list[list[str]] = []
    monkeypatch.setattr(environment.subprocess, "run", lambda call, check: calls.append(call))
    monkeypatch.setattr(environment, "GPU", tmp_path if gpu else tmp_path / "none")
    environment.make(tmp_path / "venv", "2.60.0")
    assert calls[0] == [sys.executable, "-m", "venv", str(tmp_path / "venv")]
    assert [call[1:4] for call in calls[1:]] == [["-m", "pip", "install"]] * (1 if gpu else 2)
    if gpu:
        assert calls[1][4:] == ["--editable", str(ROOT), "ray==2.60.0"]
    else:
        assert calls[1][4:] == ["--requirement", str(ROOT / "requirements-cpu.txt"), "ray==2.60.0"]
        assert calls[2][4:] == ["--no-deps", "--editable", str(ROOT)]


def test_faiss_is_wanted_where_there_is_a_gpu_and_one_is_as_good_as_the_other(
    environment: ModuleType, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
):
    found = environment._version
    without: dict[str, str | None] = {"faiss-gpu": None, "faiss-cpu": None}
    monkeypatch.setattr(environment, "_version", lambda name: without[name] if name in without else found(name))
    monkeypatch.setattr(environment, "GPU", tmp_path / "none")
    assert environment.lacks(None) == []
    monkeypatch.setattr(environment, "GPU", tmp_path)
    lacking = environment.lacks(None)
    assert [need.partition("<")[0] for need in lacking] == ["faiss-gpu"]
    without["faiss-cpu"] = "1.15.0"
    assert environment.lacks(None) == []


def test_the_ray_of_this_cluster_is_ended_and_no_other(tmp_path: Path):
    """Two that look like Ray's log monitor, each with its folder for temporary files."""
    script = tmp_path / "log_monitor.py"
    script.write_text("import time\ntime.sleep(60)\n")
    mine, other = (
        subprocess.Popen([sys.executable, script], env=os.environ | {"RAY_TMPDIR": str(tmp_path / name)})
        for name in ("mine", "other")
    )
    threading.Thread(target=mine.wait).start()  # as long as nobody has waited for it, it counts as there
    try:
        time.sleep(0.5)
        call = [sys.executable, CLUSTERS / "stop.py"]
        subprocess.run(call, env=os.environ | {"RAY_TMPDIR": str(tmp_path / "mine")}, check=True, capture_output=True)
        assert mine.wait(timeout=10) != 0
        assert other.poll() is None
    finally:
        for process in (mine, other):
            process.kill()
            process.wait()


def test_a_port_that_is_another_programs_is_one_line(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.syspath_prepend(str(CLUSTERS))
    stop = importlib.import_module("stop")
    monkeypatch.setattr(stop.scripts.stop, "main", lambda **options: None)
    monkeypatch.setattr(stop.psutil, "process_iter", stop.psutil.process_iter)
    monkeypatch.setattr(stop.time, "monotonic", itertools.count(step=10).__next__)
    monkeypatch.setattr(stop.time, "sleep", lambda seconds: None)
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        monkeypatch.setattr("sys.argv", ["stop.py", str(port)])
        with pytest.raises(SystemExit, match=rf"error: port {port} of .* is another program's; give the cluster four"):
            stop.main()
    assert stop.main() == 0


def test_machines_of_a_cloud_are_not_emptied():
    call = [sys.executable, CLUSTERS / "remove.py", CLUSTERS / "aws.yaml"]
    ended = subprocess.run(call, capture_output=True, text=True, check=False)
    assert ended.returncode == 1
    assert ended.stderr.startswith("error: the machines of this file are not of one's own")


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("ray.exceptions.AuthenticationError: Invalid token", "ray.exceptions.AuthenticationError: Invalid token"),
        ("\x1b[31mssh: connect to host 10.0.0.2 port 22: No route to host\x1b[0m", "ssh: connect to host 10.0.0.2 po"),
        ("ERROR: No matching distribution found for torch", "ERROR: No matching distribution found for torch"),
        ("autoscaler: 2 nodes", ""),
        ("VINFO command_runner.py:399 -- Running `echo 'error: it is not there'`", ""),
    ],
)
def test_the_reason_is_what_the_autoscaler_was_told(line: str, told: str, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(CLUSTERS))
    wait = importlib.import_module("wait")
    assert wait.fault(["error: of an earlier one", line, "nothing of it"]).startswith(
        told or "error: of an earlier one"
    )
