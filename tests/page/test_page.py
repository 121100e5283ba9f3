"""The page is one file that needs nothing else, whatever stands in the search's files."""

import base64
import gzip
import json
import re
from pathlib import Path

import pytest
import torch
from plotly.offline import get_plotlyjs
from safetensors.torch import save_file

from finished_search import BASE, LOCAL, finished_search, recipe
from raykd.methods.quest import Quest, codebook_of
from raykd.page.agreement import Agreement, agreement
from raykd.page.commands import how_to_use, repeats
from raykd.page.comparison import confusion, pictures
from raykd.page.evidence import read_evidence
from raykd.page.looking import look
from raykd.page.page import page
from raykd.page.writing import MARKDOWN, PAGE, try_to_write_page, write_page
from raykd.protocols.context import BuildContext
from raykd.protocols.teacher import teacher_route
from raykd.space.serialise import to_text
from raykd.storage.artifacts import Store
from raykd.storage.synced import SyncedStorage


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A search's folder with its page, its teacher and its student."""
    folder = finished_search(tmp_path_factory.mktemp("runs") / "one", words="<script>alert({})</script>")
    assert BASE.teacher is not None
    store, best = Store(folder.parent / "artifacts"), recipe(15)
    route = teacher_route(BASE.teacher, BASE.data, store, device="cpu", say=print)
    context = BuildContext(data=BASE.data, dataset=route.dataset, store=store, teacher=route)
    (term,) = (term for term in best.terms if isinstance(term, Quest))
    codebook_of(term, best.shapes(), context, 2)
    (folder / "best_recipe.json").write_text(to_text(recipe(15)))
    save_file(BASE.student.build(10, (1, 8, 8)).network.state_dict(), folder / "student.safetensors")
    write_page(folder, LOCAL, "finished")
    return folder


def test_the_first_screen_says_what_won_by_how_much_and_what_to_type(written: Path):
    text = (written / PAGE).read_text()
    top = text[: text.index("<nav>")]
    for words in ("85.0 \u00b1 0.0 %", "90.0 \u00b1 12.7 %", "+20.0", "over plain KD", "17</b> settings tried"):
        assert words in top, words
    for command in ("evaluate {}", "predict {} photos/", "distill --recipe {}/best_recipe.json --seed 1"):
        assert f"raykd {command.format(written)}" in top
    assert f"raykd tune --resume one --storage {written.parent} --more-trials 16" in top
    assert "<svg" in top


def test_it_needs_no_network_and_no_other_file(written: Path):
    text = (written / PAGE).read_text()
    outside = text[: text.index('id="plotly"')]
    assert set(re.findall(r'(?:src|href)="(\w+:|#)', outside)) == {"#", "data:"}
    assert not re.search(r"""@import|url\(|https?://(?!www\.w3\.org/2000/svg)""", outside)
    (packed,) = re.findall(r'id="plotly">([^<]*)<', text)
    assert gzip.decompress(base64.b64decode(packed)).decode() == get_plotlyjs()
    assert len(text) < 3_000_000


def test_each_figure_is_whole(written: Path):
    figures = re.findall(r'<script type="application/json">(.*?)</script>', (written / PAGE).read_text())
    assert len(figures) == 15
    assert all(json.loads(figure)["data"] for figure in figures)


def test_what_stands_in_files_is_text_and_no_markup(written: Path):
    text = (written / PAGE).read_text()
    assert "<script>alert" not in text
    assert "&lt;script&gt;alert(15)" in text
    assert "\\u003cscript\\u003ealert(15)" in text  # in a figure


def test_every_trial_has_a_row_and_the_command_that_repeats_it(written: Path):
    for text in ((written / PAGE).read_text(), (written / MARKDOWN).read_text()):
        for number in range(16):
            assert f"raykd distill --recipe {written}/trials/trial-{number:04d}-abc/recipe.json" in text
        assert "trial-0099-abc" in text
        assert "trials/trial-0099-abc" not in text  # it has no recipe


def test_student_and_teacher_stand_side_by_side(written: Path):
    text = (written / PAGE).read_text()
    assert "What the student takes for what" in text
    assert "What the teacher takes for what" in text
    assert "data:image/png;base64," in text
    assert "The teacher&#39;s route" in text


def test_what_the_networks_look_at_is_shown(written: Path):
    """The best trial has a codebook, which the fixture has made; no trial swaps."""
    text = (written / PAGE).read_text()
    for title in ("What the words of the codebook look at", "Nearest neighbours by the student&#39;s features"):
        assert f'alt="{title}"' in text
    assert "The 12 words of trial-0015-abc (lr " in text.replace("&lt;script&gt;alert(15)&lt;/script&gt;", "lr ")
    assert "Swap masks" not in text
    assert "left out" not in text


def test_what_is_missing_is_said_and_the_rest_is_drawn(tmp_path: Path):
    folder = finished_search(tmp_path / "one")
    finished, stopped = (read_evidence(folder, LOCAL, state) for state in ("finished", "stopped"))
    text = page(finished, [], looks=look(finished))
    assert "Its route is left out: the storage does not have the teacher&#39;s checkpoints." in text
    assert "The student beside its teacher is left out: no trial of" in text
    assert "What the words look at is left out: the storage does not have the teacher&#39;s checkpoints." in text
    assert "Parallel coordinates" in text
    assert "no trial of" not in page(stopped, [], looks=look(stopped))
    assert not (tmp_path / "artifacts").exists()  # nothing is made to look at it


def test_a_fault_in_drawing_is_one_warning(tmp_path: Path, monkeypatch, caplog):
    folder = finished_search(tmp_path / "one")
    monkeypatch.setattr("raykd.page.page.sections", lambda *given: {}["a bug"])
    try_to_write_page(folder, LOCAL, "finished")
    assert caplog.messages == ["no report.html: KeyError: a bug"]
    assert not (folder / PAGE).exists()
    monkeypatch.undo()
    try_to_write_page(folder, LOCAL, "finished")
    assert (folder / PAGE).exists()
    assert len(caplog.messages) == 1


def test_confusions_are_counted_by_class():
    labels, student, teacher = (torch.tensor(said) for said in ([0, 0, 1, 2], [0, 1, 1, 0], [0, 0, 2, 1]))
    found = Agreement(
        labels=labels,
        student=student,
        teacher=teacher,
        features=torch.zeros(4, 2),
        images=torch.zeros(4, 1, 2, 2, dtype=torch.uint8),
        classes=("a", "b", "c"),
        held=9,
    )
    assert found.confusion(student).tolist() == [[1, 1, 0], [0, 1, 0], [1, 0, 0]]
    assert [places for _, places in found.differing()] == [[1], [2], [3]]
    ours, _ = confusion(found)
    assert ours.text == "4 of 9 validation images, 50.0 % right"
    shown = dict(pictures(found))["the teacher is right, the student is not: 1 of 4"]
    assert [(picture.label, picture.student, picture.teacher) for picture in shown] == [("a", "b", "a")]


def test_networks_are_asked_about_validation_images_alone():
    dataset = BASE.data.load()
    network = BASE.student.build(10, (1, 8, 8))
    found = agreement(network, network, dataset)
    assert len(found.labels) == found.held == len(dataset.validation)
    assert torch.equal(found.student, found.teacher)
    assert sorted(found.labels.tolist()) == sorted(dataset.validation.labels.tolist())


def test_commands_for_a_search_in_an_object_store_can_be_typed(tmp_path: Path):
    folder = finished_search(tmp_path / "one")
    (folder / "best_recipe.json").write_text(to_text(recipe(15)))
    (folder / "student.safetensors").touch()
    storage = SyncedStorage(root=tmp_path, uri="s3://bucket/runs?scheme=http")
    evidence = read_evidence(folder, storage, "finished")
    assert [command for _, command in how_to_use(evidence)] == [
        'raykd.load_result("s3://bucket/runs/one?scheme=http").load_student()',
        "raykd evaluate one --storage 's3://bucket/runs?scheme=http'",
        "raykd distill --recipe best_recipe.json --seed 1",
        "raykd profile --recipe best_recipe.json",
        "raykd tune --resume one --storage 's3://bucket/runs?scheme=http' --more-trials 16",
        "raykd board 's3://bucket/runs/one?scheme=http'",
    ]
    assert repeats(evidence, evidence.trials[0]) == "raykd distill --recipe trials/trial-0015-abc/recipe.json"


def test_a_recipe_with_classes_of_the_studys_own_names_the_study(tmp_path: Path):
    folder = finished_search(tmp_path / "one")
    own = json.loads((folder / "trials/trial-0015-abc/recipe.json").read_text())
    own["student"]["type"] = "made_up.Net"
    (folder / "trials/trial-0015-abc/recipe.json").write_text(json.dumps(own))
    evidence = read_evidence(folder, LOCAL, "finished")
    ours, other = (repeats(evidence, trial) for trial in evidence.trials[:2])
    assert ours.endswith("trial-0015-abc/recipe.json --study made_up.py")
    assert other.endswith("trial-0014-abc/recipe.json")
