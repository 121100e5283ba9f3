"""Trains a recipe on real gloo processes, without Ray."""

import dataclasses
import itertools
import json
import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

import torch
import torch.distributed as dist

import tiny
from raykd.protocols.epoch import AnchorRatio
from raykd.recipe import Recipe
from raykd.space.serialise import from_file, to_text
from raykd.storage.artifacts import Store
from raykd.training.loop import distill

TYPES = (tiny.TinyNet, tiny.TinyData, tiny.Killer)


def train_on_two_ranks(recipe: Recipe, folder: Path) -> list[tiny.Finished]:
    """What each of two ranks got from a recipe."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "recipe.json").write_text(to_text(recipe))
    _call_ranks(2, "whole", *(folder / name for name in ("meeting", "recipe.json", "artifacts", "output")))
    return [_read(folder / f"output{rank}") for rank in range(2)]


def train_each_on_two_ranks(recipes: Sequence[Recipe], folder: Path) -> list[list[tiny.Finished]]:
    """What each of two ranks got from each of the recipes, one after the other in the same two processes."""
    (folder / "recipes.json").write_text(to_text(tuple(recipes)))
    _call_ranks(2, "each", *(folder / name for name in ("meeting", "recipes.json", "artifacts", "output")))
    return [[_read(folder / f"output{number}-{rank}") for rank in range(2)] for number in range(len(recipes))]


def train_by_turns(recipe: Recipe, folder: Path, sizes: Sequence[int]) -> list[dict[str, float]]:
    """The metrics of each epoch, trained on so many ranks; where the number changes, other processes go on."""
    folder.mkdir(parents=True)
    (folder / "recipe.json").write_text(to_text(recipe))
    until = 0
    for size, epochs in itertools.groupby(sizes):
        until += len(list(epochs))
        _call_ranks(size, "turn", *(folder / name for name in (f"meeting{until}", "recipe.json")), folder, until)
    return json.loads((folder / "metrics.json").read_text())


def _call_ranks(size: int, *arguments: object) -> None:
    """Runs a function of this file, named first, on each rank."""
    ranks = [
        subprocess.Popen(
            [sys.executable, __file__, str(rank), str(size), *map(str, arguments)], stderr=subprocess.PIPE, text=True
        )
        for rank in range(size)
    ]
    errors = [rank.communicate(timeout=600)[1] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0] * size, "\n".join(errors)


def _read(output: Path) -> tiny.Finished:
    told = json.loads(output.with_suffix(".json").read_text())
    ratios = tuple(AnchorRatio(**ratio) for ratio in told["ratios"])
    return tiny.Finished(told["metrics"], torch.load(output.with_suffix(".pt")), ratios)


def _whole(rank: int, recipe: str, store: str, output: str) -> None:
    _write(tiny.finish(from_file(recipe, TYPES), Store(store)), f"{output}{rank}")


def _each(rank: int, recipes: str, store: str, output: str) -> None:
    for number, recipe in enumerate(from_file(recipes, TYPES)):
        _write(tiny.finish(recipe, Store(store)), f"{output}{number}-{rank}")


def _write(finished: tiny.Finished, output: str) -> None:
    told = {"metrics": finished.metrics, "ratios": [dataclasses.asdict(ratio) for ratio in finished.ratios]}
    Path(f"{output}.json").write_text(json.dumps(told))
    torch.save(finished.weights, f"{output}.pt")


def _turn(rank: int, recipe: str, folder: str, until: str) -> None:
    """Goes on from where the last turn has ended, up to an epoch."""
    state, told = Path(folder, "state.pt"), Path(folder, "metrics.json")
    resume = torch.load(state) if state.exists() else None
    metrics = json.loads(told.read_text()) if told.exists() else []
    for epoch in distill(from_file(recipe, TYPES), resume, store=Store(Path(folder, "artifacts"))):
        metrics.append(epoch.metrics)
        if epoch.number == int(until):
            break
    dist.barrier()  # all have read
    if rank == 0:
        torch.save(epoch.state(), state)
        told.write_text(json.dumps(metrics))


def _main(rank: int, size: int, function: str, meeting: str, *arguments: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=size)
    {"whole": _whole, "each": _each, "turn": _turn}[function](rank, *arguments)
    dist.destroy_process_group()
    # DDP still holds gloo's threads. One that drops a tensor while the interpreter ends aborts the process, "terminate
    # called without an active exception" (PyTorch's issue 190489); seen once in some hundred runs of a loaded machine.
    os._exit(0)


if __name__ == "__main__":
    _main(int(sys.argv[1]), int(sys.argv[2]), *sys.argv[3:])
