"""`launch/slurm.sh` under a Slurm that is a few lines of shell: what it starts, hands on, and does when time is up."""

import json
import os
import signal
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from run_commands import ROOT, write_study

SCRIPT = ROOT / "launch" / "slurm.sh"

# A step runs here, whatever node it is for.
SRUN = 'while [[ $1 == --* ]]; do shift 2; done; exec "$@"'
SCONTROL = """
case $1 in
    show) IFS=, read -ra names <<< "$3"; printf '%s\\n' "${names[@]}" ;;
    *) echo "$*" >> "$RECORDS/scontrol" ;;
esac
"""
RAY = 'echo "$* $RAY_AUTH_MODE $RAY_AUTH_TOKEN $RAY_TMPDIR" >> "$RECORDS/ray"; exec sleep 60'
PYTHON = """
case $1 in
    launch/tune.py) exec {python} "$RECORDS/search.py" "${{@:2}}" ;;
    launch/clusters/wait.py) echo "${{*:2}}" >> "$RECORDS/wait" ;;
    *) exec {python} "$@" ;;
esac
"""
SEARCH = """
import json, os, sys, time
print(json.dumps({"words": sys.argv[1:], "address": os.environ["RAY_ADDRESS"]}), flush=True)
if "lasts" in sys.argv:
    try:
        time.sleep(60)
    except KeyboardInterrupt:
        sys.exit(130)
sys.exit("fails" in sys.argv)
"""


@dataclass(frozen=True)
class Slurm:
    """A place with an allocation of nodes, and programs in front of the PATH."""

    folder: Path

    def program(self, name: str, text: str) -> None:
        path = self.folder / "bin" / name
        path.parent.mkdir(exist_ok=True)
        path.write_text(f"#!/bin/bash\n{text}\n")
        path.chmod(0o755)

    def start(self, *words: object, nodes: str = "n1", **environment: str) -> subprocess.Popen[str]:
        """The script as Slurm starts it on the first node: from a copy, with the job's variables."""
        variables = {
            "PATH": f"{self.folder / 'bin'}:{Path(sys.executable).parent}:{os.environ['PATH']}",
            "RECORDS": str(self.folder),
            "SLURM_JOB_ID": str(os.getpid()),
            "SLURM_JOB_NODELIST": nodes,
            "SLURM_SUBMIT_DIR": str(ROOT),
            "SLURM_CPUS_PER_TASK": "1",
            "RAYKD_HEAD_IP": "127.0.0.1",
        }
        copy = self.folder / "slurm_script"
        copy.write_bytes(SCRIPT.read_bytes())
        return subprocess.Popen(
            ["bash", str(copy), *map(str, words)],
            env=os.environ | variables | environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    def run(self, *words: object, **options: Any) -> tuple[int, dict[str, Any]]:
        """The exit code, and what the search was told."""
        process = self.start(*words, **options)
        out, error = process.communicate(timeout=60)
        assert out, error
        return process.returncode, json.loads(out)

    def records(self, name: str) -> list[str]:
        path = self.folder / name
        return path.read_text().splitlines() if path.exists() else []


@pytest.fixture
def slurm(tmp_path: Path) -> Slurm:
    """Ray, and the search, only say how they were called."""
    made = Slurm(tmp_path)
    for name, text in (("srun", SRUN), ("scontrol", SCONTROL), ("ray", RAY)):
        made.program(name, text)
    made.program("python", PYTHON.format(python=sys.executable))
    (tmp_path / "search.py").write_text(SEARCH)
    return made


def test_arguments_reach_the_search_as_they_stand(slurm: Slurm):
    words = ["--storage", "/shared/two words", "--study", 'a"b $HOME *.py', "--name", "first"]
    code, told = slurm.run(*words)
    assert (code, told["words"]) == (0, words)


def test_a_search_without_a_name_has_the_jobs(slurm: Slurm):
    assert slurm.run("--trials", 3)[1]["words"] == ["--trials", "3", "--name", f"slurm-{os.getpid()}"]


def test_a_failed_search_is_a_failed_job(slurm: Slurm):
    assert slurm.run("fails")[0] == 1
    assert slurm.records("scontrol") == []


@pytest.mark.parametrize("words", [("--storage", "{}", "--name", "first"), ("--storage={}", "--name=first")])
def test_a_job_that_is_queued_again_goes_on(slurm: Slurm, words: tuple[str, ...]):
    words = tuple(word.format(slurm.folder) for word in words)
    assert "--resume" not in slurm.run(*words, SLURM_RESTART_COUNT="1")[1]["words"]  # it never came to begin
    (slurm.folder / "first").mkdir()
    (slurm.folder / "first" / "search.json").touch()
    assert "--resume" not in slurm.run(*words)[1]["words"]
    assert slurm.run(*words, SLURM_RESTART_COUNT="1")[1]["words"] == [*words, "--resume"]
    assert slurm.run(*words, "--resume", SLURM_RESTART_COUNT="1")[1]["words"] == [*words, "--resume"]


def test_ray_starts_on_every_node_with_one_token(slurm: Slurm):
    _, told = slurm.run(nodes="n1,n2,n3")
    head, others = (line.rsplit(" ", 3) for line in slurm.records("ray"))
    port = 20000 + os.getpid() % 10000
    assert told["address"] == f"127.0.0.1:{port}"
    assert head[0] == f"start --head --block --node-ip-address=127.0.0.1 --port={port} --num-cpus=1"
    assert others[0] == f"start --block --address=127.0.0.1:{port} --num-cpus=1"
    assert head[1:] == others[1:]
    mode, token, folder = head[1:]
    assert (mode, len(token), folder) == ("token", 64, f"/tmp/raykd-{os.getpid()}")
    assert slurm.records("wait") == ["--machines 1", "--machines 3"]


def test_two_jobs_have_two_tokens(slurm: Slurm):
    slurm.run()
    slurm.run()
    assert len({line.split()[-2] for line in slurm.records("ray")}) == 2


@pytest.mark.parametrize(("name", "again"), [("SIGUSR1", True), ("SIGTERM", False)])
def test_a_signal_ends_the_search_politely(slurm: Slurm, name: str, again: bool):
    """Slurm sends SIGUSR1 before the time limit: the job is queued again. SIGTERM is somebody who wants it to end."""
    process = slurm.start("lasts")
    assert process.stdout is not None and process.stderr is not None
    process.stdout.readline()
    time.sleep(0.3)  # the search has said its words, and sleeps
    process.send_signal(signal.Signals[name])
    began = time.monotonic()
    process.communicate(timeout=30)
    assert process.returncode == 130
    assert time.monotonic() - began < 20  # neither the search nor Ray slept to its end
    assert slurm.records("scontrol") == ([f"requeue {os.getpid()}"] if again else [])


def test_outside_a_clone_it_is_one_line(slurm: Slurm):
    process = slurm.start(SLURM_SUBMIT_DIR=str(slurm.folder))
    _, error = process.communicate(timeout=30)
    assert process.returncode == 1
    assert error == f"error: run sbatch in the clone; there is no launch/tune.py in {slurm.folder}\n"


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_a_search_on_two_nodes(tmp_path: Path):
    """With the real Ray, both of whose nodes are this machine."""
    slurm = Slurm(tmp_path)
    slurm.program("srun", SRUN)
    slurm.program("scontrol", SCONTROL)
    study = write_study(tmp_path)
    words = ("--study", study, "--storage", tmp_path / "two words", "--name", "first")
    process = slurm.start(*words, nodes="n1,n2")
    out, error = process.communicate(timeout=400)
    assert process.returncode == 0, out + error
    assert "2 of 2 machines have joined" in out
    assert "with 2 CPUs and 0 GPUs" in out
    assert "best of single runs: " in out
    assert not Path(f"/tmp/raykd-{os.getpid()}").exists()
