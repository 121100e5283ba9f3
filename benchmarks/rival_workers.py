"""The honest rival: two Optuna workers that live as long as the search, each with a plain loop over raykd's views.

    python benchmarks/rival_workers.py FOLDER

They share Optuna's study through a journal file. The process that starts them imports nothing.
"""

import subprocess
import sys
from pathlib import Path


def main() -> None:
    folder = Path(sys.argv[1])
    if sys.argv[2:]:
        _work(folder)
        return
    workers = [subprocess.Popen([sys.executable, __file__, str(folder), "worker"]) for _ in range(2)]
    codes = [worker.wait() for worker in workers]
    if any(codes):
        raise SystemExit("a worker failed")


def _work(folder: Path) -> None:
    import optuna
    import torch
    from optuna.storages import JournalStorage
    from optuna.storages.journal import JournalFileBackend
    from plain_loop import distil, memory_dataset
    from search_case import BATCH, LABELS, LR, NUM_CLASSES, PADDING, SOFTENED, TEMPERATURE, Handed

    from raykd.data import Split

    torch.set_num_threads(1)
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    handed = Handed.read(folder)
    tensors, teacher = handed.tensors, handed.teacher()
    train, held_out = (Split(tensors[f"{part} images"], tensors[f"{part} labels"]) for part in ("train", "validation"))
    dataset = memory_dataset(train, held_out, NUM_CLASSES, handed.mean, handed.std, PADDING)
    storage = JournalStorage(JournalFileBackend(str(folder / "journal")))
    study = optuna.create_study(storage=storage, study_name="cost", direction="maximize", load_if_exists=True)
    while (trial := study.ask()).number < len(handed.epochs):
        setting = {
            "temperature": trial.suggest_float("temperature", *TEMPERATURE, log=True),
            "labels": trial.suggest_float("labels", *LABELS),
            "softened": trial.suggest_float("softened", *SOFTENED, log=True),
        }
        epochs, found = handed.epochs[trial.number], 0.0
        for number, found in enumerate(
            distil(dataset, teacher, handed.student(), lr=LR, epochs=epochs, batch_size=BATCH, **setting)
        ):
            trial.report(found, number)
        study.tell(trial, found)
    study.tell(trial, state=optuna.trial.TrialState.FAIL)  # one more than there are to train


if __name__ == "__main__":
    main()
