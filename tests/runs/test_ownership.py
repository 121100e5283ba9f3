"""A trial that was taken up elsewhere is not written over by who had it before."""

from pathlib import Path

import pytest
import torch

from raykd.distributed.world import World
from raykd.errors import OwnershipLostError
from raykd.runs.ownership import Ownership
from raykd.runs.trial import read_epochs, run_trial
from raykd.storage.artifacts import Store
from raykd.storage.local import LocalStorage
from tiny import finish, recipe


def contents(folder: Path) -> dict[str, bytes]:
    return {str(file.relative_to(folder)): file.read_bytes() for file in folder.rglob("*") if file.is_file()}


def test_who_had_a_trial_before_writes_no_further_epoch(tmp_path: Path):
    """The first stands still in its third epoch while the second trains that and the last."""
    storage = LocalStorage(root=tmp_path)
    store, folder, spec = Store(tmp_path / "store"), tmp_path / "trials" / "trial-0007", recipe()

    def taken_up():
        alone = World(0, 1, torch.device("cpu"))
        return run_trial(
            spec, folder, tmp_path / "board", store, {"lr": 0.1}, alone, ownership=Ownership(folder, storage)
        )

    first = taken_up()
    found = [next(first).metrics, next(first).metrics]
    second = taken_up()
    found.append(next(second).metrics)
    before = contents(tmp_path)
    with pytest.raises(OwnershipLostError, match="trial-0007 is trained by other workers since these seemed lost"):
        next(first)
    assert contents(tmp_path) == before
    found += [epoch.metrics for epoch in second]
    assert found == finish(spec, store).metrics
    assert [record["number"] for record in read_epochs(folder)] == [1, 2, 3, 4]


def test_a_claim_is_no_part_of_what_a_user_sees(tmp_path: Path):
    storage = LocalStorage(root=tmp_path)
    Ownership(tmp_path / "trials" / "one", storage)
    assert [file.name for file in (tmp_path / "trials" / "one").iterdir()] == [".owner"]
    assert list(Ownership(tmp_path / "trials" / "one", storage).guarded(iter("abc"))) == ["a", "b", "c"]
