"""Kills what can die under a search, at random moments, and looks whether anything was lost.

Claim: after each fault the search goes on, by itself or by the same command with `--resume`; then no finished epoch of
any trial has been lost, no trial has failed or was trained twice to its end, every trial has a place of its own, the
sampler knows how each has ended, and the metrics of every epoch equal those of an undisturbed run to the last bit (on a
CPU).

    python benchmarks/faults.py [--repeats N] [--seed N] [--only NAME ...] [--save]

A fault strikes after a number of epochs that the seed decides. The clock that jumps is that of the search and of Ray
alone, all of them at the same moment (clock.c). "Epochs lost" counts epochs that had a checkpoint when
the fault struck and were trained again. "Again after" is the time from the fault to the next finished epoch, what is
needed to start the command anew included.
"""

import argparse
import contextlib
import csv
import json
import os
import random
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch
from clock import Clock
from processes import become_subreaper, descendants, reap_others, title
from record import Record, spread

from raykd.protocols.outcome import TrialOutcome
from raykd.runs.ledger import read_ends
from raykd.runs.trial import read_epochs, saved_epoch
from raykd.space.serialise import from_file
from raykd.storage.artifacts import Store
from raykd.training.loop import distill

ROOT = Path(__file__).resolve().parents[1]
TRIALS = 5
AWAY_S = 60.0
DAY_S = 86_400
_MOST_STARTS = 4
_TIMEOUT_S = 240.0
STUDY = """
from raykd import Recipe, Study, Teacher
from raykd.data.digits import Digits
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval, FinalTeacher
from raykd.models.cnn import CNN

recipe = Recipe(
    data=Digits(), student=CNN(widths=(4, 6)), teacher=Teacher(model=CNN(widths=(6, 8)), epochs=2, every=1),
    terms=(CrossEntropy(weight=0.1), KD()), epochs=12,
)
study = Study(
    recipe=recipe,
    choices={
        "terms/quest": {"off": None, "on": Quest(words=16)},
        "route": {"final teacher": FinalTeacher(), "equal interval": EqualInterval(count=2)},
    },
    ranges={"terms/quest/words": None, "route/count": None},
    grace=6,
    confirm=1,
    finalists=1,
)
"""

Epoch = tuple[str, int]


@dataclass
class Search:
    """A search that is disturbed: its folders, and the process that runs it now.

    Args:
        folder: of the study, the storage and the output.
        address: of the Ray cluster that it joins.
        clock: that its processes see, where it is not the machine's.
        known: the epochs that had a checkpoint when a fault struck.
    """

    folder: Path
    address: str = "local"
    clock: Clock | None = None
    starts: int = 0
    known: dict[Epoch, float] = field(default_factory=dict)
    process: subprocess.Popen[bytes] = field(init=False)

    @property
    def storage(self) -> Path:
        return self.folder / "storage"

    @property
    def trials(self) -> Path:
        return self.storage / "search" / "trials"

    def start(self) -> None:
        """The command; from the second time on with `--resume`."""
        (self.folder / "study.py").write_text(STUDY)
        words = [sys.executable, str(ROOT / "launch/tune.py"), "--study", str(self.folder / "study.py")]
        words += ["--trials", str(TRIALS), "--slots", "1", "--address", self.address]
        words += ["--storage", str(self.storage), "--name", "search", *(["--resume"] if self.starts else [])]
        environment = self.clock.environment if self.clock else {}
        with (self.folder / "output").open("ab") as output:
            self.process = subprocess.Popen(
                words,
                stdout=output,
                stderr=output,
                start_new_session=True,
                env=os.environ | {"OMP_NUM_THREADS": "1"} | environment,
            )
        self.starts += 1

    def ended(self) -> int | None:
        """Its exit status, if it has ended; reaps what it had started, as Ray's workers take a zombie for alive."""
        reap_others(self.process.pid)
        return self.process.poll()

    def kept(self) -> dict[Epoch, float]:
        """The epochs that have a checkpoint, with the seconds that each took, which tell one training from another."""
        found: dict[Epoch, float] = {}
        for trial in self.trials.glob("*/"):
            saved = saved_epoch(trial)
            for record in read_epochs(trial):
                if saved is not None and record["number"] <= saved["number"]:
                    found[trial.name, record["number"]] = record["seconds"]
        return found

    def count(self) -> int:
        """Epochs on record."""
        return sum(len(read_epochs(trial)) for trial in self.trials.glob("*/"))

    def wait_for_epochs(self, count: int) -> bool:
        """Whether so many are on record before the process ends."""
        deadline = time.monotonic() + _TIMEOUT_S
        while self.count() < count:
            if self.ended() is not None or time.monotonic() > deadline:
                return False
            time.sleep(0.05)
        return True

    def pids(self, name: str) -> list[int]:
        """The processes of Ray's whose title holds a name."""
        return sorted(pid for pid in descendants(self.process.pid) if name in title(pid))

    def kill(self, name: str, chance: random.Random) -> None:
        """Kills one process whose title holds a name, as soon as there is one: between trials a slot's is another."""
        deadline = time.monotonic() + 30.0
        while not (pids := self.pids(name)):
            if time.monotonic() > deadline:
                raise RuntimeError(f"no process called {name} to kill")
            time.sleep(0.01)
        os.kill(chance.choice(pids), signal.SIGKILL)

    def end(self) -> None:
        """Leaves no process behind."""
        for pid in descendants(self.process.pid):
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                continue
        self.process.wait()


Inject = Callable[[Search, random.Random], None]


def _kill(name: str) -> Inject:
    return lambda search, chance: search.kill(name, chance)


def _signal(number: signal.Signals) -> Inject:
    def inject(search: Search, chance: random.Random) -> None:
        search.process.send_signal(number)
        search.process.wait(timeout=120)

    return inject


def _torn(pattern: str) -> Inject:
    """Kills the driver, then cuts off a file that it has written."""

    def inject(search: Search, chance: random.Random) -> None:
        search.process.kill()
        search.process.wait()
        time.sleep(3.0)  # its workers write until they notice
        files = sorted(search.storage.glob(pattern), key=lambda file: file.stat().st_mtime)
        os.truncate(files[-1], files[-1].stat().st_size // 2)

    return inject


def _clock(days: int) -> Inject:
    """Sets the clock of the driver and of all of Ray, while they run."""

    def inject(search: Search, chance: random.Random) -> None:
        assert search.clock is not None
        search.clock.set(days * DAY_S)

    return inject


def _clock_and_kills(search: Search, chance: random.Random) -> None:
    """Sets the clock back and kills the driver; does so again when it has gone on, as its files then seem old."""
    _clock(-1)(search, chance)
    _signal(signal.SIGKILL)(search, chance)
    search.start()
    if not search.wait_for_epochs(search.count() + chance.randint(1, 12)) and search.ended() is None:
        raise RuntimeError(f"hangs:\n{(search.folder / 'output').read_text()}")
    search.known |= search.kept()
    _signal(signal.SIGKILL)(search, chance)


def _storage_away(search: Search, chance: random.Random) -> None:
    away = search.storage.with_name("away")
    search.storage.rename(away)
    time.sleep(AWAY_S)
    while away.exists():
        with contextlib.suppress(OSError):  # Ray makes it again and again; a file system mounted there would hide that
            shutil.rmtree(search.storage, ignore_errors=True)
            away.rename(search.storage)


def _full_disk(search: Search, chance: random.Random) -> None:
    """Fills the storage, which is a small file system of its own, and frees it after a while."""
    if not os.path.ismount(search.storage):
        raise RuntimeError("needs the right to mount a small file system")
    filler = search.storage / "filler"
    with filler.open("wb", buffering=0) as file:
        try:
            while file.write(b"\0" * 4096):
                continue
        except OSError:
            pass
    time.sleep(AWAY_S / 2)
    filler.unlink()


FAULTS: dict[str, Inject] = {
    "a train worker is killed": _kill("ray::RayTrainWorker"),
    "a slot's trainable is killed": _kill("ray::ResourceTrainable"),
    "a train controller is killed": _kill("ray::TrainController"),
    "the mailbox is killed": _kill("ray::Mailbox"),
    "a node is lost": _kill("/raylet"),
    "the head is lost with its database": _kill("gcs_server"),
    "the driver is killed": _signal(signal.SIGKILL),
    "the driver gets Ctrl-C": _signal(signal.SIGINT),
    "the driver gets SIGTERM": _signal(signal.SIGTERM),
    "a checkpoint is torn": _torn("search/trials/*/checkpoint.pt"),
    "the search's own state is torn": _torn("search/tune/experiment_state-*.json"),
    "an artefact is torn": _torn("artifacts/route/*/checkpoint_*.safetensors"),
    "the clock goes back a day": _clock(-1),
    "the clock goes forward a day": _clock(1),
    "the clock goes back a day, and the driver is killed twice": _clock_and_kills,
    "the disk is full for a while": _full_disk,
    "the storage is away for a minute": _storage_away,
}


@dataclass(frozen=True)
class Outcome:
    """What a fault did.

    Args:
        problems: what was lost or wrong; none if the search survived.
        lost: finished epochs that were trained again.
        seconds: from the fault to the next finished epoch.
        starts: times that the command was given.
    """

    problems: tuple[str, ...]
    lost: int
    seconds: float
    starts: int


def survive(fault: str, seed: int, folder: Path) -> Outcome:
    """Runs a search, lets a fault strike, goes on to the end, and looks at what is there."""
    chance = random.Random(f"{fault} {seed}")
    search = Search(folder, clock=Clock(folder) if "clock" in fault else None)
    search.storage.mkdir()
    if fault == "the disk is full for a while":
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=24m", "raykd-faults", search.storage], check=False)
    try:
        search.start()
        if not search.wait_for_epochs(chance.randint(3, 30)):
            raise RuntimeError(f"the search does not train:\n{(folder / 'output').read_text()}")
        search.known, begun = search.kept(), time.monotonic()
        FAULTS[fault](search, chance)
        seconds = _go_on(search, search.count(), begun)
        lost, problems = _look(search)
        return Outcome(tuple(problems), lost, seconds, search.starts)
    finally:
        search.end()
        if os.path.ismount(search.storage):
            subprocess.run(["umount", "--lazy", search.storage], check=False)


def _go_on(search: Search, count: int, begun: float) -> float:
    """Waits for the end, giving the command again where it has ended too soon; the seconds to the next epoch.

    Args:
        count: epochs on record when the fault had struck.
        begun: when it began to strike.
    """
    seconds = 0.0
    while search.starts <= _MOST_STARTS:
        deadline = time.monotonic() + _TIMEOUT_S
        while search.ended() is None and time.monotonic() < deadline:
            if not seconds and search.count() > count:
                seconds = time.monotonic() - begun
            time.sleep(0.05)
        if search.ended() == 0:
            return seconds or time.monotonic() - begun
        if search.ended() is None:
            raise RuntimeError(f"hangs:\n{(search.folder / 'output').read_text()}")
        search.start()
    raise RuntimeError(f"does not come to its end:\n{(search.folder / 'output').read_text()}")


def _look(search: Search) -> tuple[int, list[str]]:
    """Epochs lost, and everything that is not as it would be without the fault."""
    after = {
        (trial.name, record["number"]): record["seconds"]
        for trial in search.trials.glob("*/")
        for record in read_epochs(trial)
    }
    lost = sum(after.get(epoch) != seconds for epoch, seconds in search.known.items())
    problems = [f"{lost} finished epochs were trained again"] if lost else []
    names = sorted(trial.name for trial in search.trials.glob("trial-*/"))
    numbers = [int(name.split("-")[1]) for name in names]
    if numbers != list(range(TRIALS)):
        problems.append(f"trials are numbered {numbers}")
    summary = json.loads((search.storage / "search" / "summary.json").read_text())
    if summary["test_accuracy"] is None:
        problems.append("the winner was not tested")
    if summary["confirmed"] is None or any(each["state"] != "complete" for each in summary["confirmed"]["candidates"]):
        problems.append(f"not everybody was confirmed: {summary['confirmed']}")
    with (search.storage / "search" / "trials.csv").open() as table:
        failed = [row["name"] for row in csv.DictReader(table) if row["outcome"] not in ("complete", "stopped")]
    problems += [f"{name} has failed" for name in failed]
    problems += _unknown(search, names)
    problems += [problem for trial in sorted(search.trials.glob("*/")) for problem in _differences(search, trial)]
    return lost, problems


def _unknown(search: Search, names: list[str]) -> Iterator[str]:
    """Trials of which the ledger, by which a search goes on, does not say what their last epoch says."""
    ends = read_ends(search.storage / "search") or {}
    for name in names:
        recipe: Any = from_file(search.trials / name / "recipe.json")
        last = read_epochs(search.trials / name)[-1]
        kind = "complete" if last["number"] == recipe.epochs else "stopped"
        told = TrialOutcome(kind=kind, accuracy=last["val/accuracy"], epochs=last["number"])
        if ends.get(name) != told:
            yield f"of {name}, which ended {told}, the ledger says {ends.get(name)}"


def _differences(search: Search, trial: Path) -> Iterator[str]:
    """Where a trial's metrics are not those of an undisturbed run."""
    recipe: Any = from_file(trial / "recipe.json")
    told = read_epochs(trial)
    if [record["number"] for record in told] != list(range(1, len(told) + 1)):
        yield f"{trial.name} has epochs {[record['number'] for record in told]}"
    threads = torch.get_num_threads()
    torch.set_num_threads(os.cpu_count() or 1)  # as the search's one worker: sums depend on it in their last bits
    try:
        undisturbed = distill(recipe, store=Store(search.storage / "artifacts"), device="cpu")
        for record, epoch in zip(told, undisturbed, strict=False):
            if {key: record[key] for key in epoch.metrics} != epoch.metrics:
                yield f"{trial.name} differs from an undisturbed run in epoch {epoch.number}"
                break
    finally:
        torch.set_num_threads(threads)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--repeats", type=int, default=3, metavar="N", help="of every fault (default: 3)")
    parser.add_argument("--seed", type=int, default=0, metavar="N", help="of the moments (default: 0)")
    parser.add_argument("--only", nargs="+", choices=FAULTS, metavar="NAME", help="faults to try (default: all)")
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    become_subreaper()
    record, survived, tried = Record("faults"), 0, 0
    for fault in options.only or FAULTS:
        outcomes: list[Outcome] = []
        for repeat in range(options.repeats):
            with tempfile.TemporaryDirectory() as folder:
                try:
                    outcomes.append(survive(fault, options.seed + repeat, Path(folder)))
                except RuntimeError as error:
                    outcomes.append(Outcome((str(error),), 0, float("nan"), 0))
        good = sum(not outcome.problems for outcome in outcomes)
        survived, tried = survived + good, tried + len(outcomes)
        again, lost = [outcome.seconds for outcome in outcomes], sum(outcome.lost for outcome in outcomes)
        starts = max(outcome.starts for outcome in outcomes)
        record.say(
            f"{fault}: survived {good} of {len(outcomes)}, epochs lost {lost}, command given up to {starts} times, "
            f"again after {spread(again, 1)} s"
        )
        for problem in (problem for outcome in outcomes for problem in outcome.problems):
            record.say(f"    {problem}")
        if options.save:  # a kind takes minutes, and all of them more than an hour
            record.save()
    record.say(f"survived {survived} of {tried}")
    if options.save:
        record.save()


if __name__ == "__main__":
    main()
