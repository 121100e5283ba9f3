"""Trains a recipe on two real gloo processes, without Ray: `python ranks.py RANK MEETING RECIPE STORE OUTPUT`."""

import dataclasses
import json
import subprocess
import sys
from pathlib import Path

import torch
import torch.distributed as dist

import tiny
from raykd.artifacts import Store
from raykd.epoch import AnchorRatio
from raykd.recipe import Recipe
from raykd.serialise import from_file, to_text

TYPES = (tiny.TinyNet, tiny.TinyData, tiny.Killer)


def train_on_two_ranks(recipe: Recipe, folder: Path) -> list[tiny.Finished]:
    """What each of two ranks got from a recipe."""
    folder.mkdir(parents=True)
    (folder / "recipe.json").write_text(to_text(recipe))
    arguments = [str(folder / name) for name in ("meeting", "recipe.json", "artifacts", "output")]
    command = [sys.executable, __file__]
    ranks = [
        subprocess.Popen([*command, str(rank), *arguments], stderr=subprocess.PIPE, text=True) for rank in range(2)
    ]
    errors = [rank.communicate(timeout=120)[1] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], "\n".join(errors)
    return [_read(folder / f"output{rank}") for rank in range(2)]


def _read(output: Path) -> tiny.Finished:
    told = json.loads(output.with_suffix(".json").read_text())
    ratios = tuple(AnchorRatio(**ratio) for ratio in told["ratios"])
    return tiny.Finished(told["metrics"], torch.load(output.with_suffix(".pt")), ratios)


def _main(rank: int, meeting: str, recipe: str, store: str, output: str) -> None:
    torch.set_num_threads(1)
    dist.init_process_group("gloo", init_method=f"file://{meeting}", rank=rank, world_size=2)
    finished = tiny.finish(from_file(recipe, TYPES), Store(store))
    told = {"metrics": finished.metrics, "ratios": [dataclasses.asdict(ratio) for ratio in finished.ratios]}
    Path(f"{output}{rank}.json").write_text(json.dumps(told))
    torch.save(finished.weights, f"{output}{rank}.pt")
    dist.destroy_process_group()


if __name__ == "__main__":
    _main(int(sys.argv[1]), *sys.argv[2:])
