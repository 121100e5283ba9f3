"""Ray Tune as it comes: a function for each trial, OptunaSearch, ASHA; a plain loop over raykd's views trains.

    python benchmarks/rival_ray_tune.py FOLDER

Ray starts as `tune` starts it. What is stopped when is Tune's own decision, so that it does not train the epochs that
the others do; it says how many it trained. No checkpoints are written.
"""

import sys
from pathlib import Path
from typing import Any

from ray import tune
from ray.tune.schedulers import ASHAScheduler
from ray.tune.search.optuna import OptunaSearch
from search_case import BATCH, LABELS, LR, NUM_CLASSES, PADDING, SOFTENED, TEMPERATURE, Handed


def main() -> None:
    folder = Path(sys.argv[1])
    case = Handed.read(folder).case
    space = {
        "temperature": tune.loguniform(*TEMPERATURE),
        "labels": tune.uniform(*LABELS),
        "softened": tune.loguniform(*SOFTENED),
    }
    results = tune.Tuner(
        tune.with_parameters(_train, folder=folder),
        param_space=space,
        tune_config=tune.TuneConfig(
            metric="accuracy",
            mode="max",
            num_samples=case.trials,
            search_alg=OptunaSearch(),
            scheduler=ASHAScheduler(max_t=case.epochs, grace_period=case.grace, reduction_factor=3),
        ),
        run_config=tune.RunConfig(name="ray_tune", storage_path=str(folder), verbose=0),
    ).fit()
    if results.errors:
        raise SystemExit(str(results.errors[0]))
    epochs = sum((result.metrics or {})["training_iteration"] for result in results)
    print(f"epochs {epochs}")


def _train(config: dict[str, Any], folder: Path) -> None:
    import torch
    from plain_loop import distil, memory_dataset

    from raykd.data import Split

    torch.set_num_threads(1)
    handed = Handed.read(folder)
    tensors, case = handed.tensors, handed.case
    train, held_out = (Split(tensors[f"{part} images"], tensors[f"{part} labels"]) for part in ("train", "validation"))
    dataset = memory_dataset(train, held_out, NUM_CLASSES, handed.mean, handed.std, PADDING)
    run = distil(dataset, handed.teacher(), handed.student(), lr=LR, epochs=case.epochs, batch_size=BATCH, **config)
    for found in run:
        tune.report({"accuracy": found})


if __name__ == "__main__":
    main()
