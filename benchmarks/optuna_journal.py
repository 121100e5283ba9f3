"""What it costs a search's driver to keep `optuna.journal` (raykd/runs/optuna_journal.py), event by event.

Claim: an event takes a fraction of a millisecond of the driver's time, the thousandth trial's no more than the first
ones', and the driver keeps some ten KiB of a trial. Optuna's own file takes some milliseconds, as it flushes each line.

    python benchmarks/optuna_journal.py [--trials N] [--epochs N] [--params N] [--save]

The same operations, a beginning, as many epochs, and an end for each trial, are written by raykd's file and by Optuna's
own, to the same disk. Memory is that of the process when all are written, less that before the first.
"""

import argparse
import tempfile
import time
from pathlib import Path

import optuna
from optuna.distributions import FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.study import StudyDirection
from optuna.trial import TrialState, create_trial
from record import Record

from raykd.storage.journal import JournalFile


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").partition("\n")[0])
    parser.add_argument("--trials", type=int, default=1000)
    parser.add_argument("--epochs", type=int, default=20)
    parser.add_argument("--params", type=int, default=12)
    parser.add_argument("--save", action="store_true")
    options = parser.parse_args()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    record = Record("optuna_journal")
    record.say(f"{options.trials} trials of {options.epochs} epochs and {options.params} parameters")
    with tempfile.TemporaryDirectory(dir=".") as folder:
        record.say(_told("raykd's", JournalStorage(JournalFile(Path(folder, "ours"))), options))
        record.say(_told("Optuna's own", JournalStorage(JournalFileBackend(str(Path(folder, "optuna")))), options))
        size = Path(folder, "ours").stat().st_size
        begun = time.process_time()
        read = optuna.load_study(
            study_name=None, storage=JournalStorage(JournalFileBackend(str(Path(folder, "ours"))))
        ).trials
        seconds = time.process_time() - begun
        record.say(f"the file has {size / 2**20:.2f} MiB; reading its {len(read)} trials takes {seconds:.2f} CPU s")
    if options.save:
        record.save()


def _told(whose: str, storage: JournalStorage, options: argparse.Namespace) -> str:
    """Writes all trials, and tells what an operation has taken: all of them, and those of the first and last tenth."""
    study = storage.create_new_study([StudyDirection.MAXIMIZE], "search")
    before, marks = _resident(), [(time.process_time(), time.perf_counter())]
    for number in range(options.trials):
        _write(storage, study, number, options)
        marks.append((time.process_time(), time.perf_counter()))
    each, tenth = options.epochs + 3, max(1, options.trials // 10)

    def mean(first: int, last: int) -> str:
        cpu, wall = (1e3 * (b - a) / (last - first) / each for a, b in zip(marks[first], marks[last], strict=True))
        return f"{cpu:.3f} CPU ms ({wall:.3f} wall)"

    kept = (_resident() - before) / options.trials
    first, last = mean(0, tenth), mean(options.trials - tenth, options.trials)
    all_of_them = mean(0, options.trials)
    return f"{whose} file: an event {all_of_them}, first tenth {first}, last {last}; {kept:.1f} KiB a trial"


def _write(storage: JournalStorage, study: int, number: int, options: argparse.Namespace) -> None:
    ranges = {f"terms/method/parameter_{place}": FloatDistribution(0.0, 1.0) for place in range(options.params)}
    attributes = {"trial": f"trial-{number:04}-0123abcd", "setting": "quest K 256 T 0.5 + KD", "baseline": False}
    begun = create_trial(
        state=TrialState.RUNNING, params=dict.fromkeys(ranges, 0.5), distributions=dict(ranges), user_attrs=attributes
    )
    trial = storage.create_new_trial(study, begun)
    for epoch in range(1, options.epochs + 1):
        storage.set_trial_intermediate_value(trial, epoch, 0.5 + epoch / 1000)
    storage.set_trial_user_attr(trial, "outcome", "complete")
    storage.set_trial_state_values(trial, TrialState.COMPLETE, [0.5])


def _resident() -> float:
    """Memory of this process, in KiB."""
    lines = Path("/proc/self/status").read_text().splitlines()
    return float(next(line for line in lines if line.startswith("VmRSS")).split()[1])


if __name__ == "__main__":
    main()
