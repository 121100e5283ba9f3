"""Teachers that were students, and chains of them: each is trained once, whoever asks, and goes on if cut off."""

import itertools
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from owned import MODEL, knowing, save
from raykd.data.dataset import load
from raykd.evaluation.accuracy import accuracy
from raykd.methods.rco import EqualInterval
from raykd.models.cnn import CNN
from raykd.models.staged import Staged
from raykd.protocols.teacher import TeacherSpec, teacher_route
from raykd.recipe import Recipe
from raykd.space.ranges import override, paths, value_at
from raykd.space.serialise import decode, encode, fingerprint
from raykd.storage.artifacts import Store
from raykd.teachers.chains import assistants, born_again, ensemble
from raykd.teachers.distilled import DistilledTeacher
from raykd.teachers.pretrained import PretrainedTeacher
from raykd.teachers.trained import Teacher
from raykd.training.loop import distill
from tiny import STUDENT, TinyData, finish, network, recipe, same_weights, unwatched

DATA = TinyData()
RECIPE = recipe(teacher=Teacher(model=CNN(widths=(6, 8)), epochs=2, every=2, batch_size=8), epochs=2)
ASSISTANT = DistilledTeacher(recipe=replace(RECIPE, student=CNN(widths=(5, 7)), epochs=3), every=2)
CHAIN = assistants(RECIPE, [CNN(widths=(6, 7)), CNN(widths=(5, 7))], every=2)


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Store:
    return Store(tmp_path_factory.mktemp("store"))


def routes(store: Store) -> int:
    return len(list((store.root / "route").iterdir()))


def contents(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


# a student as a teacher


def test_it_is_the_student_of_its_recipe(store: Store):
    said: list[str] = []
    route = teacher_route(ASSISTANT, DATA, store, say=said.append)
    student = finish(ASSISTANT.recipe, store)
    assert same_weights(route.weights(route.num_checkpoints), student.weights)
    assert [record["epoch"] for record in route.records] == [2, 3]
    assert [record["accuracy"] for record in route.records] == student.column("val/accuracy")[1:]
    assert route.num_checkpoints == ASSISTANT.num_checkpoints == 2
    assert [line.partition(",")[0] for line in said] == [
        *(f"teacher: epoch {number} of 2" for number in (1, 2)),
        *(f"distilled teacher 1: epoch {number} of 3" for number in (1, 2, 3)),
    ]


def test_it_is_made_once_and_then_without_its_own_teacher(store: Store):
    first = teacher_route(ASSISTANT, DATA, store)
    again = teacher_route(ASSISTANT, DATA, store, say=lambda line: pytest.fail(line))
    assert again.folder == first.folder
    assert not any((store.root / "partial").glob("*"))


def test_a_student_follows_its_route(store: Store):
    found = finish(replace(RECIPE, teacher=ASSISTANT, route=EqualInterval(count=2)), store)
    assert found.column("train/anchor") == [2, 3]


def test_a_listener_gets_its_epochs_alone(tmp_path: Path):
    heard: list[tuple[int, int]] = []
    teacher_route(ASSISTANT, DATA, Store(tmp_path), listen=lambda epoch: heard.append((epoch.number, epoch.epochs)))
    assert heard == [(1, 3), (2, 3), (3, 3)]


@pytest.mark.parametrize("stop", ["teacher: epoch 1", "distilled teacher 1: epoch 1", "distilled teacher 1: epoch 3"])
def test_cut_off_it_goes_on(stop: str, store: Store, tmp_path: Path):
    said: list[str] = []

    def say(line: str) -> None:
        said.append(line)
        if len(said) == len(set(said)) and line.startswith(stop) and not (tmp_path / "cut").exists():
            (tmp_path / "cut").touch()
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        teacher_route(ASSISTANT, DATA, Store(tmp_path), say=say)
    route = teacher_route(ASSISTANT, DATA, Store(tmp_path), say=say)
    assert len(said) == len(set(said)) == 5  # no epoch was trained twice
    assert contents(route.folder) == contents(teacher_route(ASSISTANT, DATA, store).folder)


TWO = """
import sys
from teachers import test_distilled
from raykd.storage.artifacts import Store
from raykd.teachers import teacher_route

print("ready", flush=True)
sys.stdin.readline()
teacher_route(test_distilled.ASSISTANT, test_distilled.DATA, Store(sys.argv[1]), device="cpu", say=print)
"""


def test_two_searches_at_once_train_one(tmp_path: Path, store: Store):
    command = [sys.executable, "-c", TWO, str(tmp_path)]
    both = [
        subprocess.Popen(
            command, cwd=Path(__file__).parents[1], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        for _ in range(2)
    ]
    for process in both:
        assert process.stdout is not None and process.stdout.readline() == "ready\n"
    said = [line for line in _ends(both) if "epoch" in line]
    assert len(said) == len(set(said)) == 5
    assert routes(Store(tmp_path)) == 2


def _ends(processes: list[subprocess.Popen[str]]) -> list[str]:
    for process in processes:
        assert process.stdin is not None
        process.stdin.write("\n")
        process.stdin.flush()
    lines = [process.communicate(timeout=120)[0] for process in processes]
    assert [process.returncode for process in processes] == [0, 0]
    return "".join(lines).splitlines()


def test_it_stands_in_a_recipe_like_any_other(store: Store):
    spec = replace(RECIPE, teacher=ASSISTANT)
    assert isinstance(ASSISTANT, TeacherSpec)
    spec.check()
    assert decode(encode(spec), types=[TinyData]) == spec
    assert "teacher/recipe/terms/kd/temperature" in paths(spec)
    changed = override(spec, {"teacher/recipe/terms/kd/temperature": 2.0})
    assert fingerprint(changed.teacher) != fingerprint(ASSISTANT)


def test_it_follows_the_content_of_its_own_teachers_file(tmp_path: Path):
    file = save(knowing(), tmp_path / "teacher.pth")
    own = PretrainedTeacher(file=str(file), model=MODEL)
    assistant = replace(ASSISTANT, recipe=replace(ASSISTANT.recipe, teacher=own))
    folders = {teacher_route(assistant, DATA, Store(tmp_path)).folder}
    save(knowing(seed=1), file)
    folders.add(teacher_route(assistant, DATA, Store(tmp_path)).folder)
    assert len(folders) == 2


def test_what_cannot_work_is_refused_before_any_work():
    with pytest.raises(ValueError, match="recipe must be a Recipe, got 'kd'"):
        unwatched(DistilledTeacher, recipe="kd")
    with pytest.raises(ValueError, match="every must be at least 1, got 0"):
        replace(ASSISTANT, every=0)
    with pytest.raises(ValueError, match="teacher/recipe/data must be the data of the recipe that it stands in, got"):
        replace(RECIPE, teacher=ASSISTANT, data=TinyData(num_images=30)).check()
    big = replace(ASSISTANT, recipe=replace(ASSISTANT.recipe, batch_size=99))
    with pytest.raises(ValueError, match="teacher/recipe/batch_size: 99 is more than the 24 training images"):
        replace(RECIPE, teacher=big).check()
    with pytest.raises(ValueError, match=r"teacher must be a teacher such as Teacher\(\), or None, got CNN"):
        unwatched(Recipe, **vars(RECIPE) | {"teacher": STUDENT})


def test_a_diverging_one_is_named(tmp_path: Path):
    wild = override(ASSISTANT, {"recipe/optimiser/lr": 1e38})
    with pytest.raises(RuntimeError, match=r"the distilled teacher 1's training diverged in epoch \d"):
        teacher_route(wild, DATA, Store(tmp_path))


# teacher assistants


def test_assistants_stand_between_teacher_and_student():
    last, first = value_at(CHAIN, "teacher"), value_at(CHAIN, "teacher/recipe/teacher")
    assert (CHAIN.student, last.model, first.model) == (STUDENT, CNN(widths=(5, 7)), CNN(widths=(6, 7)))
    assert first.recipe.teacher == RECIPE.teacher
    assert (first.depth, last.depth) == (1, 2)
    assert replace(CHAIN, teacher=RECIPE.teacher) == RECIPE
    assert assistants(RECIPE, []) == RECIPE


def test_a_chain_trains_each_of_its_networks_once(tmp_path: Path):
    said: list[str] = []
    CHAIN.check()
    list(distill(CHAIN, store=Store(tmp_path), say=said.append))
    assert [line.partition(":")[0] for line in said] == [
        name for name in ("teacher", "distilled teacher 1", "distilled teacher 2") for _ in range(2)
    ]
    shorter = assistants(RECIPE, [CNN(widths=(6, 7))], every=2)
    for known in (CHAIN, shorter, RECIPE):
        list(distill(known, store=Store(tmp_path), say=lambda line: pytest.fail(line)))
    assert routes(Store(tmp_path)) == 3


# born-again networks


def test_a_generation_shares_what_the_one_before_was_made_by(tmp_path: Path):
    store, said = Store(tmp_path), []
    generations = [born_again(RECIPE, number, every=2) for number in (1, 2, 3)]
    counts = []
    for generation in generations:
        list(distill(generation, store=store, say=said.append))
        counts.append(routes(store))
    assert counts == [1, 2, 3]  # the teacher; with generation 1; with generation 2
    assert len(said) == len(set(said)) == 6
    assert value_at(generations[2], "teacher/recipe") == generations[1]


def test_generations_differ_in_seed_and_teacher_alone():
    generations = [born_again(RECIPE, number) for number in (1, 2, 3)]
    assert [generation.seed for generation in generations] == [RECIPE.seed + number for number in (1, 2, 3)]
    assert all(replace(generation, seed=0, teacher=RECIPE.teacher) == RECIPE for generation in generations)


def test_an_ensemble_gives_the_mean_of_the_probabilities():
    members = [network(seed) for seed in range(3)]
    for member in members:
        member.eval()
    together = ensemble(members).eval()
    dataset = load(DATA, torch.device("cpu"))
    (batch,) = dataset.plain(dataset.validation)
    with torch.no_grad():
        expected = torch.stack([member(batch.images).logits.softmax(dim=1) for member in members]).mean(dim=0)
        torch.testing.assert_close(together(batch.images).logits.exp(), expected)
    right = (expected.argmax(dim=1) == batch.targets).float().mean().item()
    assert accuracy(together, dataset, dataset.validation) == pytest.approx(right)


def test_generations_are_evaluated_together(tmp_path: Path):
    """The last generation's recipe names all those before it."""
    store, spec = Store(tmp_path), born_again(RECIPE, 3, every=2)
    members = [teacher_route(DistilledTeacher(recipe=spec, every=2), DATA, store)]
    while isinstance(members[-1].teacher, DistilledTeacher):
        members.append(teacher_route(value_at(members[-1].teacher, "recipe/teacher"), DATA, store))
    assert len(members) == 4
    networks: list[Staged] = [route.network(route.num_checkpoints) for route in members[:-1]]
    for one, other in itertools.combinations(networks, 2):
        assert not same_weights(one.network.state_dict(), other.network.state_dict())
    dataset = members[0].dataset
    assert 0 <= accuracy(ensemble(networks), dataset, dataset.validation) <= 1


def test_chains_refuse():
    alone = RECIPE.alone()
    with pytest.raises(ValueError, match="generations must be at least 1, got 0"):
        born_again(RECIPE, 0)
    for chain in (lambda: born_again(alone, 1), lambda: assistants(alone, [STUDENT])):
        with pytest.raises(ValueError, match="needs a recipe with a teacher, and the recipe has none"):
            chain()
    with pytest.raises(ValueError, match="an ensemble needs at least one network, got none"):
        ensemble([])
