"""`launch/distill.py` stopped by Ctrl-C or SIGTERM, and gone on with."""

import shlex
import signal
import time
from pathlib import Path

import pytest
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from run_commands import LAUNCH, end, lines_of, run, start_typed, type_in, write_study

WORDS = ("--study", "small.py", "--set", "epochs=60", "--set", "terms/quest=on", "--seed", "3")


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small study in it, and a run that nothing has disturbed."""
    folder = tmp_path_factory.mktemp("place")
    write_study(folder)
    undisturbed = run("distill", *WORDS, "--name", "undisturbed", folder=folder)
    assert (undisturbed.code, undisturbed.error) == (0, "")
    return folder


def running(place: Path) -> set[Path]:
    """The folders of runs without a name that have three epochs on record, or more."""
    return {log.parent for log in place.glob("runs/small-*/epochs.jsonl") if len(lines_of(log)) >= 3}


@pytest.mark.parametrize(
    ("how", "typed"),
    [(signal.SIGINT, [str(LAUNCH / "distill.py")]), (signal.SIGTERM, ["-m", "raykd", "distill"])],
    ids=["Ctrl-C", "SIGTERM"],
)
def test_stopped_and_resumed_it_ends_as_if_nothing_had_happened(how: signal.Signals, typed: list[str], place: Path):
    before = running(place)
    process = start_typed(*typed, *WORDS, folder=place)  # named by the study and the time
    while not (found := running(place) - before):
        assert process.poll() is None, process.communicate()
        time.sleep(0.005)
    process.send_signal(how)
    stopped, folder = end(process), found.pop()
    assert (stopped.code, stopped.error) == (130, "")
    said = stopped.out.splitlines()[-1]
    finished = int(said.removeprefix("stopped after ").split()[0])
    assert 2 <= finished < 60  # the third may not have been kept yet
    line = said.partition("; go on with: ")[2]
    python, *words = shlex.split(line)
    assert Path(python).name.startswith("python")
    assert words == [*typed, *WORDS, "--name", folder.name, "--resume"]
    assert not (folder / "student.safetensors").exists()

    resumed = type_in(line, folder=place)
    assert (resumed.code, resumed.error) == (0, "")
    for name in ("student.safetensors", "recipe.json", "values.json", "summary.json"):
        assert (folder / name).read_bytes() == (place / "runs/undisturbed" / name).read_bytes(), name
    assert lines_of(folder / "epochs.jsonl") == lines_of(place / "runs/undisturbed/epochs.jsonl")
    events = EventAccumulator(str(folder / "tensorboard" / folder.name)).Reload()
    assert [point.step for point in events.Scalars("val/accuracy")] == list(range(1, 61))
