"""The commands as a person runs them: real processes, on a study small enough to end in seconds."""

import contextlib
import json
import os
import pty
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
LAUNCH = ROOT / "launch"
# One thread, so that a run repeats bit for bit; no GPU; and rich sees a terminal where there is one, 200 wide.
ENVIRONMENT = os.environ | {"OMP_NUM_THREADS": "1", "CUDA_VISIBLE_DEVICES": "", "TERM": "xterm", "COLUMNS": "200"}

STUDY = """
from raykd import Recipe, Study, Teacher
from raykd.data.digits import Digits
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.models.cnn import CNN
from raykd.optim import SGD, Constant

SCHEDULE = Constant()
recipe = Recipe(
    data=Digits(),
    student=CNN(widths=(3, 4)),
    teacher=Teacher(model=CNN(widths=(4, 6)), epochs=4, every=2, batch_size=256, optimiser=SGD(schedule=SCHEDULE)),
    terms=(CrossEntropy(weight=0.5), KD(weight=0.5)),
    optimiser=SGD(schedule=SCHEDULE),
    epochs=2,
    batch_size=256,
)
study = Study(recipe=recipe, choices={"terms/quest": {"off": None, "on": Quest(words=16)}}, confirm=0, trials=1)
"""


@dataclass(frozen=True)
class Finished:
    """How a command ended, and what it wrote; `error` is the standard error without surrounding blanks."""

    code: int
    out: str
    error: str


def write_study(folder: Path, *replacements: tuple[str, str], name: str = "small") -> Path:
    """The small study with some of its text replaced."""
    text = STUDY
    for old, new in replacements:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    path = folder / f"{name}.py"
    path.write_text(text)
    return path


def start(
    command: str, *words: object, folder: Path, environment: Mapping[str, str] | None = None
) -> subprocess.Popen[str]:
    """A command that runs in a folder, as `python launch/COMMAND.py WORDS` typed there, with more of an environment."""
    return start_typed(LAUNCH / f"{command}.py", *words, folder=folder, environment=environment)


def start_typed(*words: object, folder: Path, environment: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
    """`python WORDS`, typed in a folder."""
    call = [sys.executable, *map(str, words)]
    env = ENVIRONMENT | {"PYTHONPATH": str(ROOT)} | dict(environment or {})
    return subprocess.Popen(call, cwd=folder, env=env, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def end(process: subprocess.Popen[str]) -> Finished:
    """Waits for a command."""
    out, error = process.communicate(timeout=300)
    return Finished(process.returncode, out, error.strip())


def run(command: str, *words: object, folder: Path) -> Finished:
    return end(start(command, *words, folder=folder))


def type_in(line: str, *, folder: Path) -> Finished:
    """A line as a person types it, or pastes what a command has printed."""
    env = ENVIRONMENT | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(line, shell=True, cwd=folder, env=env, capture_output=True, text=True, timeout=300)
    return Finished(ended.returncode, ended.stdout, ended.stderr.strip())


def look(*words: object, folder: Path) -> Finished:
    """`raykd WORDS`, typed in a folder."""
    call = [sys.executable, "-m", "raykd", *map(str, words)]
    env = ENVIRONMENT | {"PYTHONPATH": str(ROOT)}
    ended = subprocess.run(call, cwd=folder, env=env, capture_output=True, text=True, timeout=60)
    return Finished(ended.returncode, ended.stdout, ended.stderr.strip())


def run_on_a_terminal(command: str, *words: object, folder: Path) -> str:
    """What a command that succeeds writes to a terminal, control sequences and all."""
    ours, theirs = pty.openpty()
    call = [sys.executable, str(LAUNCH / f"{command}.py"), *map(str, words)]
    process = subprocess.Popen(call, cwd=folder, env=ENVIRONMENT, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    shown = b""
    with contextlib.suppress(OSError):  # Linux's way to say that the other side is closed
        while chunk := os.read(ours, 4096):
            shown += chunk
    os.close(ours)
    assert process.wait(timeout=120) == 0, shown
    return shown.decode()


def lines_of(file: Path) -> list[dict[str, Any]]:
    """What each epoch gave, but for the time it took."""
    if not file.exists():
        return []
    records = [json.loads(line) for line in file.read_text().splitlines() if line.endswith("}")]
    return [{name: value for name, value in record.items() if name != "seconds"} for record in records]


_SEVERAL = """
import contextlib, io, json, runpy, sys

script, calls = sys.argv[1], json.loads(sys.argv[2])
main = runpy.run_path(script)["main"]
ended = []
for words in calls:
    sys.argv = [script, *words]
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as error:
        code = main()
    ended.append([code, out.getvalue(), error.getvalue().strip()])
ray = sys.modules.get("ray")
assert ray is None or not ray.is_initialized()
json.dump(ended, sys.stdout)
"""


def run_several(command: str, calls: Sequence[Sequence[object]], *, folder: Path) -> list[Finished]:
    """Calls that fail before any work starts, one after the other in one process, which must not start Ray."""
    words = json.dumps([[str(word) for word in call] for call in calls])
    call = [sys.executable, "-c", _SEVERAL, str(LAUNCH / f"{command}.py"), words]
    ended = subprocess.run(call, cwd=folder, env=ENVIRONMENT, capture_output=True, text=True, timeout=120)
    assert ended.returncode == 0, ended.stderr
    return [Finished(*entry) for entry in json.loads(ended.stdout)]


def free_port() -> int:
    """A port of this machine's loopback that nobody listens on."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return free.getsockname()[1]
