"""Within a step nobody waits for the device, whatever the term: no number is read back.

On a CPU the readings of numbers are counted, which would be waits on a GPU; where there is a GPU, PyTorch itself says
where one waits for it.
"""

from dataclasses import replace
from pathlib import Path

import pytest
import torch
from test_loop import Readings

from raykd.data import Split
from raykd.distributed.world import World
from raykd.protocols.method import Term
from raykd.storage.artifacts import Store
from raykd.training.run import Run
from test_contracts import TERMS, TWIN, smallest
from tiny import recipe


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("store")


def warm_run(term: type[Term], root: Path, device: torch.device, room: int | None) -> Run:
    """A run before its second epoch, of which all that the teacher says is kept, if there is room."""
    spec = recipe(teacher=TWIN, terms=(smallest(term),))
    for epochs in (2, 1):  # of a run of its own: the views of both epochs
        run = Run(spec, Store(root, room=room), World.alone(device), lambda line: None)
        for epoch in range(epochs):
            run.advance(epoch)
            run.train(epoch)
    run.advance(1)
    return run


@pytest.mark.parametrize("room", [0, None], ids=["live", "kept"])
@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.__name__)
def test_no_term_reads_a_number_within_a_step(
    term: type[Term], room: int | None, root: Path, monkeypatch: pytest.MonkeyPatch
):
    run = warm_run(term, root, torch.device("cpu"), room)
    with Readings(monkeypatch) as readings:
        run.train(1)
    # The epoch's means, and where outputs are kept which views it shows, of a tensor that is always on the CPU.
    assert readings.count <= 2


def test_a_validation_reads_its_numbers_once(root: Path, monkeypatch: pytest.MonkeyPatch):
    run = Run(recipe(), Store(root), World.alone(torch.device("cpu")), lambda line: None)
    images, labels = run.dataset.validation.images, run.dataset.validation.labels
    many = Split(images.repeat(120, 1, 1, 1), labels.repeat(120))  # 1,080: three batches
    run.dataset = replace(run.dataset, validation=many)
    with Readings(monkeypatch) as readings:
        run.validate()
    assert readings.count == 1


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
@pytest.mark.parametrize("term", TERMS, ids=lambda term: term.__name__)
def test_no_step_waits_for_a_gpu(term: type[Term], root: Path):
    run = warm_run(term, root, torch.device("cuda"), None)
    batch = next(run.dataset.batches(1, 0, run.recipe.batch_size))
    run.teacher.begin(1)
    torch.cuda.set_sync_debug_mode("error")
    try:
        losses, _ = run.model(batch, run.teacher(batch, 0), frozenset(), run._clock(1))
        torch.stack(list(losses.values())).sum().backward()
        run.optimiser.step()
    finally:
        torch.cuda.set_sync_debug_mode("default")
