"""Nothing that a person, a study or a file names leads out of the storage, and no secret gets into it."""

import argparse
import hashlib
import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from raykd.cluster.tuner.trials import Trials
from raykd.commands.evaluate import _read
from raykd.commands.teacher import run_teacher
from raykd.methods.kd import KD
from raykd.runs import run_folder, search_folder
from raykd.runs.result import Result
from raykd.runs.search_folder import Search
from raykd.storage.artifacts import Store
from raykd.storage.atomic import write_text
from raykd.storage.layout import check_name, is_plain
from raykd.storage.local import LocalStorage
from raykd.studies.study import Study
from run_commands import end, start, write_study
from tiny import recipe

EVIL = ["..", ".", "../out", "a/../../out", "/out", "a/b", "a\\b", ".hidden", "-rf", "~", "a\0b", "a\n", "a b", "ä"]
KEY = "0" * 32


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A storage, in a folder whose other contents a test compares with `around`."""
    storage = tmp_path / "around" / "storage"
    storage.mkdir(parents=True)
    (storage.parent / "secret.json").write_text("{}")
    return storage


def around(root: Path) -> set[Path]:
    """All that lies beside a storage, and beside the folder that it lies in."""
    return {path for path in root.parents[1].rglob("*") if root not in path.parents}


def named(name: str) -> Study:
    return Study(recipe=recipe(), name=name)


# names


@given(st.text(min_size=1))
def test_a_plain_name_is_a_place_within_a_folder(name: str):
    if is_plain(name):
        assert len(Path(name).parts) == 1 and name not in (".", "..")
        assert (Path("/storage") / name).parent == Path("/storage")


@pytest.mark.parametrize("name", EVIL)
def test_a_name_that_leads_elsewhere_is_refused(name: str, root: Path):
    """Of a search or a run, by `--name` or from the name of its study or its recipe's file."""
    before, search = around(root), Search.of(named("study"), trials=1, seed=0)
    with pytest.raises(ValueError, match="a name has letters"):
        search_folder.new_folder(LocalStorage(root=root), name, search, named("study"))
    with pytest.raises(ValueError, match="a name has letters"):
        run_folder.new_folder(LocalStorage(root=root), name, "label", recipe())
    if name not in (".", ".."):  # which make a hidden file's name, with the time behind them
        assert not is_plain(f"{name}-20260101-000000")
    for make in (
        lambda: search_folder.new_folder(LocalStorage(root=root), None, search, named(name)),
        lambda: run_folder.new_folder(LocalStorage(root=root), None, name, recipe()),
    ):
        with pytest.raises(ValueError, match="a name has letters"):
            make()
    assert around(root) == before and not list(root.iterdir())


@pytest.mark.parametrize("name", ["../out", "/out", "..", "artifacts/../../out"])
def test_only_what_lies_in_the_storage_is_gone_on_with(name: str, root: Path):
    elsewhere, search = root.parent / "out", Search.of(named("study"), trials=1, seed=0)
    search_folder.new_folder(LocalStorage(root=root.parent), "out", search, named("study"))
    run_folder.new_folder(LocalStorage(root=root.parent), "run", "label", recipe())
    assert (elsewhere / "search.json").is_file()
    with pytest.raises(FileNotFoundError, match="to resume"):
        search_folder.old_folder(root, name, named("study"))
    with pytest.raises(FileNotFoundError, match="to resume"):
        run_folder.old_folder(root, name.replace("out", "run"), "label", recipe())


@pytest.mark.parametrize("name", ["../../out", "a/b"])
def test_a_study_cannot_name_the_board_of_its_teacher_elsewhere(name: str, root: Path):
    study = write_study(root.parent, ("trials=1)", f"trials=1, name={name!r})"))
    before, options = around(root), argparse.Namespace(study=study, storage=root, device="cpu")
    with pytest.raises(ValueError, match="a name has letters"):
        run_teacher(options)
    assert around(root) == before


@given(number=st.integers(0, 10**6), option=st.text(min_size=1), path=st.sampled_from(["terms/kd", "../../mine"]))
def test_a_trials_folder_lies_among_the_trials(number: int, option: str, path: str):
    """Whatever its choices and their options are called."""
    base = recipe(terms=(KD(),))
    options: Any = (
        {"own": KD(), option: KD(temperature=2.0)}
        if path == "terms/kd"
        else {
            "own": {"terms/kd": KD()},
            option: {"terms/kd": KD(temperature=2.0)},
        }
    )
    if len(options) < 2:
        return
    trials = Trials(
        Study(recipe=base, choices={path: options}), Path("/storage/search"), LocalStorage(root=Path("/storage"))
    )
    for config in ({"number": number, "values": {path: option}}, {"baseline": "plain KD"}):
        check_name(trials.name(config))
        job = trials.job(config)
        assert (Path(job.folder).parent, Path(job.board).parent) == (
            Path("/storage/search/trials"),
            Path("/storage/search/tensorboard"),
        )


# artefacts and files


@pytest.mark.parametrize("word", EVIL)
def test_an_artefact_is_a_plain_word(word: str, root: Path):
    """A user's own term may ask the store for anything."""
    before = around(root)
    for kind, key in ((word, KEY), ("codebook", word)):
        with pytest.raises(ValueError, match="an artefact's kind and key are plain words"):
            Store(root).get(kind, key, lambda folder: write_text(folder / "file", "text"))
    assert around(root) == before and not list(root.iterdir())


@pytest.mark.parametrize("name", ["../../../secret.json", "{elsewhere}/secret.json"])
def test_a_manifest_that_names_files_elsewhere_is_foreign(name: str, root: Path):
    """Though its sums are right: what it lists is not looked at, and the artefact is made again."""
    secret, folder = root.parent / "secret.json", root / "codebook" / KEY
    folder.mkdir(parents=True)
    name = name.format(elsewhere=root.parent)
    assert (folder / name).samefile(secret)
    digest = hashlib.sha256(secret.read_bytes()).hexdigest()
    (folder / "manifest.json").write_text(json.dumps({name: [secret.stat().st_size, digest]}))
    made = Store(root).get("codebook", KEY, lambda folder: write_text(folder / "file", "text"))
    assert (made / "file").read_text() == "text"
    assert list(json.loads((made / "manifest.json").read_text())) == ["file"]
    assert secret.read_text() == "{}"


def test_a_summary_cannot_name_a_best_trial_elsewhere(root: Path):
    (root / "summary.json").write_text(json.dumps({"best": "../../elsewhere", "metrics": {}, "test_accuracy": None}))
    with pytest.raises(ValueError, match="a name has letters"):
        Result(root, frame=None).best  # type: ignore[arg-type]  # noqa: B018


def test_an_evaluation_cannot_name_a_file_elsewhere(root: Path):
    (root / "evaluation.json").write_text(json.dumps({"student": "../../ab"}))
    with pytest.raises(ValueError, match="holds no evaluation of raykd"):
        _read(root / "evaluation.json")


# secrets

SECRETS = {
    name: f"secret-{number}-of-the-environment"
    for number, name in enumerate(
        ("AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "RAY_AUTH_TOKEN", "HF_TOKEN", "MY_PASSWORD"), start=100
    )
}
TEXTS = [value.encode() for value in SECRETS.values()]


def leaked(folder: Path) -> list[str]:
    """The files below a folder that hold a secret."""
    files = [path for path in folder.rglob("*") if path.is_file()]
    return [str(path.relative_to(folder)) for path in files if any(text in path.read_bytes() for text in TEXTS)]


def test_a_single_run_writes_no_secret(tmp_path: Path):
    study = write_study(tmp_path)
    words = ("--study", study, "--storage", tmp_path / "runs", "--name", "run", "--device", "cpu")
    ended = end(start("distill", *words, folder=tmp_path, environment=SECRETS))
    assert (ended.code, ended.error) == (0, "")
    assert (tmp_path / "runs" / "run" / "recipe.json").is_file()
    assert not leaked(tmp_path)
    assert not any(text in ended.out.encode() for text in TEXTS)


@pytest.mark.slow
@pytest.mark.timeout(400)
def test_a_search_writes_no_secret(tmp_path: Path):
    """Neither to its own files nor to what Ray and Tune write for it; a failed trial's traceback among them."""
    torn = ('"on": Quest(words=16)', '"on": Failing()')
    failing = """
from dataclasses import dataclass

from raykd.methods.quest import Quest as Base, _Quest


class Raises(_Quest):
    def forward(self, *arguments):
        raise ValueError("a term fails")


class Failing(Base):
    def build(self, shapes, context):
        return Raises(self, shapes, context)

"""
    study = write_study(tmp_path, torn, ("trials=1)", "trials=2, first=({}, {'terms/quest': 'on'}))"))
    study.write_text(failing + study.read_text())
    words = ("--study", study, "--storage", tmp_path / "runs", "--name", "search", "--address", "local")
    ended = end(start("tune", *words, folder=tmp_path, environment=SECRETS))
    assert (ended.code, ended.error) == (0, ""), ended
    folder = tmp_path / "runs" / "search"
    assert (folder / "search.json").is_file() and (folder / "ray.log").is_file()
    assert list(folder.glob("trials/*/error.txt"))
    assert not leaked(tmp_path)
    assert not any(text in ended.out.encode() for text in TEXTS)
