"""The usual way to search: Optuna, two trials at a time, each a process that trains with torchdistill.

    python benchmarks/rival_processes.py FOLDER

Views by torchvision through a DataLoader, as torchdistill's users make them. A process prints its accuracy last.
"""

import subprocess
import sys
from pathlib import Path


def main() -> None:
    folder, *setting = sys.argv[1:]
    if setting:
        print(_train(Path(folder), int(setting[0]), *map(float, setting[1:])))
    else:
        _search(Path(folder))


def _search(folder: Path) -> None:
    import optuna  # not in the trials' processes
    from search_case import LABELS, SOFTENED, TEMPERATURE, Handed

    handed = Handed.read(folder)

    def objective(trial: optuna.Trial) -> float:
        setting = (
            trial.suggest_float("temperature", *TEMPERATURE, log=True),
            trial.suggest_float("labels", *LABELS),
            trial.suggest_float("softened", *SOFTENED, log=True),
        )
        command = [sys.executable, __file__, str(folder), str(handed.epochs[trial.number]), *map(str, setting)]
        return float(subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True).stdout.split()[-1])

    optuna.logging.set_verbosity(optuna.logging.WARNING)
    study = optuna.create_study(direction="maximize")
    study.optimize(objective, n_trials=len(handed.epochs), n_jobs=2)
    print(f"best accuracy {study.best_value:.4f}")


def _train(folder: Path, epochs: int, temperature: float, labels: float, softened: float) -> float:
    import torch
    from search_case import BATCH, IMAGE, LR, PADDING, Handed
    from torch.utils.data import DataLoader
    from torchdistill_kd import Images, crop_and_flip, kd_box, train_epoch, whole

    torch.set_num_threads(1)
    handed = Handed.read(folder)
    tensors, scale = handed.tensors, (handed.mean, handed.std)
    views = crop_and_flip(IMAGE[1], PADDING, *scale)
    train = Images(tensors["train images"], tensors["train labels"], views)
    held_out = Images(tensors["validation images"], tensors["validation labels"], whole(*scale))
    student, right = handed.student(), 0
    box = kd_box(
        handed.teacher(),
        student,
        train,
        temperature=temperature,
        labels=labels,
        softened=softened,
        lr=LR,
        epochs=epochs,
        batch_size=BATCH,
    )
    for epoch in range(epochs):
        train_epoch(box, epoch)
        student.eval()
        with torch.inference_mode():
            found = ((student(images).argmax(1) == targets).sum() for images, targets in DataLoader(held_out, 512))
            right = int(sum(found))
    return right / len(held_out)


if __name__ == "__main__":
    main()
