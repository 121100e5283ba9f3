"""Folders with all sorts of files: each picture gets its right value or is told, and nothing is dropped in silence.

Forty of them here; `-m slow` tries two thousand.
"""

import dataclasses
import shutil
from pathlib import Path

import pytest
import torch
from odd_pictures import Folder, make_folder

from raykd.data import Augmentation, Frame
from raykd.data.dataset import Dataset
from raykd.data.formats.layouts import ClassFolders
from raykd.data.formats.own_folders import OwnFolders
from raykd.data.image_folder import ImageFolder
from raykd.errors import UserError, one_line

CASES = 50  # a test
FEW = [pytest.param(0, 40, id="few")]
MANY = [
    pytest.param(start, start + CASES, id=f"from {start}", marks=[pytest.mark.slow, pytest.mark.timeout(600)])
    for start in range(1000, 3000, CASES)
]
LAYOUTS = (
    ClassFolders(),
    OwnFolders(train="train", test="val"),
    OwnFolders(train="train", validation="val"),
)
CLOSE = 12  # levels of 255: what a JPEG of one colour may be off


@pytest.mark.parametrize(("first", "last"), [*FEW, *MANY])
def test_folders_as_people_have_them(tmp_path: Path, first: int, last: int):
    loaded = 0
    for seed in range(first, last):
        folder = make_folder(tmp_path / str(seed), seed)
        loaded += check(folder, seed)
        shutil.rmtree(folder.root)
    assert loaded > (last - first) // 3  # not all are refused


def check(folder: Folder, seed: int) -> bool:
    """Whether the folder made a data set; fails where anything is wrong about it, or about what is said instead."""
    data = ImageFolder(
        root=str(folder.root),
        layout=LAYOUTS[seed % len(LAYOUTS)],
        frame=Frame(resize=4, size=4),
        augmentation=Augmentation(flip=True),
        cache=None,
        in_memory=seed % 3 == 0,
    )
    dataset, refused = loaded_or_refused(data)
    assert dataset is None or not folder.bad, (seed, folder.bad)
    if "pictures cannot be used" in refused:
        data = dataclasses.replace(data, skip_bad=True)
        dataset, refused = loaded_or_refused(data)
        assert dataset is not None or "can be used" in refused, (seed, refused)
    if dataset is not None:
        check_values(folder, data, dataset, seed)
    return dataset is not None


def loaded_or_refused(data: ImageFolder) -> tuple[Dataset | None, str]:
    try:
        return data.load(), ""
    except UserError as error:
        line = one_line(error)
    assert line.encode().decode().isprintable()
    assert len(line) < 6000
    return None, line


def check_values(folder: Folder, data: ImageFolder, dataset: Dataset, seed: int) -> None:
    found = data.survey()
    values: dict[str, torch.Tensor] = {}
    for split in (found.listing.train, found.listing.validation, found.listing.test):
        files = data._split(found, split)
        for indices, views in files.read(torch.arange(len(files)).split(5)):
            values |= {files.images.names[int(index)]: view for index, view in zip(indices, views, strict=True)}
    for name, view in values.items():
        if name not in folder.unclear:
            expected = torch.tensor(folder.colours[name]).view(3, 1, 1)
            assert (view - expected).abs().max() <= CLOSE, (seed, name, view, folder.colours[name])
    bad = set(data.skipped())
    assert folder.bad <= bad <= folder.bad | folder.unclear, (seed, bad, folder.bad)
    aside = {entry.path for entry in found.listing.aside}
    wanted = {*folder.colours, *folder.bad, *folder.unclear, *folder.other}
    lost = {name for name in wanted if name not in values and name not in bad and not is_below(name, aside)}
    assert not lost, (seed, lost)
    assert not [name for name in values if "__MACOSX" in name or "/." in name]
    next(dataset.batches(0, 0, 1))


def is_below(name: str, aside: set[str]) -> bool:
    return any(name == path or name.startswith(f"{path}/") for path in aside)
