"""What the teacher says is kept: on or off, cold or warm, the same bits, and a run that is covered asks no teacher."""

import errno
import logging
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from ranks import train_on_two_ranks
from raykd.data import Augmentation
from raykd.data.dataset import Dataset
from raykd.data.digits import Digits
from raykd.data.views.resized_crop import ResizedCrop
from raykd.distributed.world import World
from raykd.methods.attention import Attention
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.fitnet import FitNet
from raykd.methods.iakd import IAKD
from raykd.methods.kd import KD
from raykd.methods.ofd import OFD
from raykd.methods.rco import EqualInterval
from raykd.methods.rkd import RKD
from raykd.models.cnn import CNN
from raykd.models.mobilenet_v2 import MobileNetV2
from raykd.protocols.method import TermSpec
from raykd.protocols.teacher import TeacherRoute
from raykd.recipe import Recipe
from raykd.storage.artifacts import Store
from raykd.storage.rows import RowFile
from raykd.training.loop import distill, prepare
from raykd.training.teacher_outputs import TeacherOutputs
from tiny import TEACHER, Finished, TinyData, assert_same_run, finish, recipe

ALONE = World.alone(torch.device("cpu"))
LABELS = CrossEntropy(weight=0.1)
EVERY_READING: tuple[TermSpec, ...] = (KD(), RKD(), Attention(), FitNet(), OFD())


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store that has the teacher."""
    folder = tmp_path_factory.mktemp("made")
    finish(recipe(epochs=1), Store(folder, room=0))
    return folder


@pytest.fixture
def root(made: Path, tmp_path: Path) -> Path:
    """A store that has the teacher, and nothing that it said."""
    for kind in made.iterdir():
        if kind.name not in ("teacher_outputs", "row_independence"):
            shutil.copytree(kind, tmp_path / kind.name)
    return tmp_path


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The sizes of the batches that live teachers were asked about."""
    sizes: list[int] = []
    ask = TeacherOutputs._teacher

    def counting(self: TeacherOutputs, images: torch.Tensor):
        sizes.append(len(images))
        return ask(self, images)

    monkeypatch.setattr(TeacherOutputs, "_teacher", counting)
    return sizes


def runs(spec: Recipe, root: Path) -> dict[str, Finished]:
    """A recipe's run with what the teacher says not kept, kept from nothing, and read."""
    rooms = {"off": 0, "cold": None, "warm": None}
    return {name: finish(spec, Store(root, room=room)) for name, room in rooms.items()}


@pytest.mark.parametrize("terms", [(KD(),), EVERY_READING], ids=["logits", "all"])
@pytest.mark.parametrize("kept_as", ["float32", "float16"])
def test_on_or_off_cold_or_warm_the_same_bits(root: Path, terms: tuple[TermSpec, ...], kept_as: Any):
    spec = recipe(terms=(LABELS, *terms), teacher_outputs=kept_as)
    off, cold, warm = runs(spec, root).values()
    assert_same_run(cold, off)
    assert_same_run(warm, off)


def test_a_run_that_is_covered_builds_no_teacher(root: Path, asked: list[int], monkeypatch: pytest.MonkeyPatch):
    finish(recipe(), Store(root))
    assert asked
    asked.clear()

    def build(self: TeacherRoute, checkpoint: int):
        raise AssertionError("a teacher was built")

    monkeypatch.setattr(TeacherRoute, "network", build)
    finish(recipe(), Store(root))
    assert not asked
    finish(recipe(terms=(LABELS, KD(temperature=2.0)), seed=1), Store(root))  # views are every seed's
    assert not asked


def test_no_more_is_asked_than_there_are_views(root: Path, asked: list[int]):
    spec = replace(recipe(epochs=6), data=_Plain())
    finish(spec, Store(root))
    probes, batches = asked[:6], asked[6:]
    assert probes == [16, 16, 16, 16, 32, 64]
    assert sum(batches) == 3 * 16  # 24 images in batches of 8, each filled up to 16


class _Plain(TinyData):
    def load(self) -> Dataset:
        return replace(super().load(), augmentation=Augmentation())


def test_half_precision_is_rounded_when_fresh_too(root: Path):
    exact, rounded = (finish(recipe(teacher_outputs=kept_as), Store(root)) for kept_as in ("float32", "float16"))
    assert exact.metrics != rounded.metrics
    assert [epoch["train/kd"] for epoch in rounded.metrics] == pytest.approx(
        [epoch["train/kd"] for epoch in exact.metrics], rel=1e-3
    )


def test_each_anchor_has_its_own(root: Path, asked: list[int]):
    spec = recipe(route=EqualInterval(count=2))
    off, cold, warm = runs(spec, root).values()
    assert_same_run(cold, off)
    assert_same_run(warm, off)
    assert len(list((root / "teacher_outputs").glob("*-logits"))) == 2


def test_a_swapped_stage_is_live_and_terms_read_what_is_kept(root: Path):
    off, cold, warm = runs(recipe(swap=IAKD(), teacher=replace(TEACHER, model=recipe().student)), root).values()
    assert_same_run(cold, off)
    assert_same_run(warm, off)


def test_going_on_is_the_same_whether_it_is_kept_or_not(root: Path):
    whole = finish(recipe(), Store(root, room=0))
    first = next(distill(recipe(), store=Store(root)))
    rest = finish(recipe(), Store(root, room=0), resume=first.state())
    assert_same_run(replace(rest, metrics=[first.metrics, *rest.metrics]), whole)


def test_two_ranks_fill_and_read_the_same_files(tmp_path: Path):
    cold = train_on_two_ranks(recipe(), tmp_path / "cold")
    (tmp_path / "warm").mkdir()
    (tmp_path / "warm/artifacts").symlink_to(tmp_path / "cold/artifacts")
    (kept,) = (tmp_path / "cold/artifacts/teacher_outputs").glob("*-logits/rows")
    before = kept.stat().st_mtime_ns
    warm = train_on_two_ranks(recipe(), tmp_path / "warm")
    assert kept.stat().st_mtime_ns == before  # nothing was asked again
    for one, other in zip(warm, cold, strict=True):
        assert_same_run(one, other)


def test_a_torn_row_is_asked_again(root: Path, asked: list[int]):
    whole = finish(recipe(), Store(root))
    (file,) = (root / "teacher_outputs").glob("*-logits/rows")
    torn = bytearray(file.read_bytes())
    torn[: len(torn) // 2] = bytes(len(torn) // 2)
    file.write_bytes(torn)
    asked.clear()
    assert_same_run(finish(recipe(), Store(root)), whole)
    assert asked
    asked.clear()
    assert_same_run(finish(recipe(), Store(root)), whole)
    assert not asked


def test_a_full_disk_ends_the_keeping_and_not_the_run(
    root: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
):
    off = finish(recipe(), Store(root, room=0))

    def full(self: RowFile, places: Any, rows: Any):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(RowFile, "write", full)
    with caplog.at_level(logging.WARNING, "raykd"):
        assert_same_run(finish(recipe(), Store(root)), off)
    assert caplog.messages == ["what the teacher says is not kept any more: No space left on device"]


def test_a_teacher_whose_rows_depend_on_the_batch_is_asked_about_whole_batches(
    root: Path, asked: list[int], monkeypatch: pytest.MonkeyPatch
):
    ask = TeacherOutputs._teacher

    def dependent(self: TeacherOutputs, images: torch.Tensor):
        outputs = ask(self, images)
        return outputs._replace(logits=outputs.logits + 1e-3 * len(images))

    monkeypatch.setattr(TeacherOutputs, "_teacher", dependent)
    off, cold, warm = runs(recipe(), root).values()
    assert_same_run(cold, off)
    assert_same_run(warm, off)
    assert set(asked[-12:]) == {16}


def test_a_teacher_whose_rows_depend_on_their_place_is_not_kept(root: Path, monkeypatch: pytest.MonkeyPatch):
    ask = TeacherOutputs._teacher

    def dependent(self: TeacherOutputs, images: torch.Tensor):
        outputs = ask(self, images)
        return outputs._replace(logits=outputs.logits + 1e-3 * torch.arange(len(images))[:, None])

    monkeypatch.setattr(TeacherOutputs, "_teacher", dependent)
    off, cold, warm = runs(recipe(), root).values()
    assert_same_run(cold, off)
    assert_same_run(warm, off)
    assert not (root / "teacher_outputs").exists()
    told = prepare(recipe(), Store(root), ALONE, lambda line: None)
    assert told.endswith("is not kept, as its last bits depend on an image's place in a batch")


@pytest.mark.parametrize("widths", [(4, 6), (6, 8), (16, 32)])
@pytest.mark.parametrize("batch_size", [20, 64, 256])
def test_whatever_the_teacher_and_the_batch_the_same_bits(tmp_path: Path, widths: tuple[int, ...], batch_size: int):
    """A layer of 6 channels gives an image other last bits at another place in a batch, at least on some CPUs."""
    teacher = replace(TEACHER, model=CNN(widths=widths), epochs=1, batch_size=64)
    spec = replace(recipe(epochs=3, batch_size=batch_size), data=Digits(), teacher=teacher)
    finish(replace(spec, seed=1), Store(tmp_path))  # in another order
    off, cold, warm = runs(spec, tmp_path).values()
    assert_same_run(cold, off)
    assert_same_run(warm, off)


def test_it_says_what_it_keeps(root: Path):
    stores = Store(root), Store(root, room=100), Store(root, makes=())
    said = [prepare(recipe(), store, ALONE, lambda line: None) for store in stores]
    # 24 images, each with 3 x 3 crops and their mirrors, and of each view 3 numbers and a sum
    assert said == [
        "what the teacher says (logits; 8.6 KB for all views) is kept",
        "what the teacher says (logits; 8.6 KB for all views) is not kept, as there is no room for it",
        "what the teacher says (logits; 8.6 KB for all views) would be kept",
    ]
    assert prepare(recipe(terms=(LABELS,)), stores[0], ALONE, lambda line: None) == ""


# views


def test_the_same_number_is_the_same_view():
    images = torch.arange(3 * 36).reshape(3, 1, 6, 6).float()
    augmentation, indices = Augmentation(padding=1, flip=True), torch.arange(3)
    seen: dict[tuple[int, int], torch.Tensor] = {}
    for seed in (0, 1):
        for epoch in range(60):
            views = augmentation.view(images, indices, epoch, seed)
            for index, number in enumerate(augmentation.numbers(indices, epoch, seed).tolist()):
                assert 0 <= number < augmentation.num_views(60) == 18
                assert torch.equal(seen.setdefault((index, number), views[index]), views[index])
    assert len({tuple(view.flatten().tolist()) for view in seen.values()}) == len(seen) == 3 * 18


@pytest.mark.parametrize(
    ("augmentation", "views"),
    [
        (Augmentation(), 1),
        (Augmentation(padding=4, flip=True), 162),
        (Augmentation(padding=2, flip=True), 50),
        (Augmentation(resized=ResizedCrop()), 240),
        (Augmentation(resized=ResizedCrop(), padding=4, views=8), 8),
    ],
)
def test_how_many_views_there_are(augmentation: Augmentation, views: int):
    assert augmentation.num_views(240) == views


def test_recycled_views_come_again():
    images, indices = torch.rand(4, 1, 8, 8), torch.arange(4)
    augmentation = Augmentation(resized=ResizedCrop(), views=3)
    first, again, other = (augmentation.view(images, indices, epoch, 0) for epoch in (1, 4, 2))
    assert torch.equal(first, again)
    assert not torch.equal(first, other)
    assert augmentation.numbers(indices, 4, 0).tolist() == [1] * 4


def test_views_must_be_some():
    with pytest.raises(ValueError, match="views must be None or at least 1, got 0"):
        Augmentation(views=0)


def test_a_mobile_networks_rows_depend_on_small_batches():
    """Why batches are filled up: in batches of 8 its classifier gives other last bits than in batches of 16."""
    network = MobileNetV2().build(100, (3, 32, 32)).eval()
    with torch.no_grad():
        images = torch.randn(64, 3, 32, 32, generator=torch.Generator().manual_seed(0))
        whole = network(images).logits
        assert all(torch.equal(network(images[:size]).logits, whole[:size]) for size in (16, 32, 48))
