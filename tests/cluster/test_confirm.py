"""Recipes of one's own are compared over fresh seeds, and a finished search gets more seeds."""

import math
from dataclasses import replace

import pytest
from small_studies import tiny_study

import raykd
import tiny
from raykd.methods.kd import KD
from raykd.protocols.event import EpochEnded, Event
from raykd.runs.status import ask_to_stop

pytestmark = [
    pytest.mark.usefixtures("ray_cluster"),
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore::ray.util.annotations.RayDeprecationWarning"),
]
RECIPE = tiny.recipe(epochs=2)


def test_recipes_are_compared_without_a_search_and_get_more_seeds_later(tmp_path):
    recipes = {"mild": RECIPE, "hot, 9": replace(RECIPE, terms=(KD(weight=1.0, temperature=9.0),))}
    first = raykd.confirm(recipes, seeds=2, slots=2, storage=tmp_path, name="two")
    assert first.confirmed is not None
    assert len(first.frame) == 0
    runs = first.confirmed.frame.groupby("setting")["number"].apply(list).to_dict()
    assert runs == {name: [1, 2] for name in ("mild", "hot, 9", "plain KD", "student alone")}
    winner = first.confirmed.winner
    assert winner is not None and winner.test is not None
    expected = {"mild": recipes["mild"], "hot, 9": recipes["hot, 9"]}.get(winner.setting)
    if expected is not None:
        assert replace(first.best.recipe, threads=None) == replace(expected, seed=expected.seed + 1)
    assert first.load_student() is not None
    assert winner.setting in first.summary["verdict"]
    files = {path: path.stat().st_mtime_ns for path in tmp_path.glob("two/trials/*/checkpoint.pt")}
    more = raykd.confirm(recipes, seeds=3, slots=2, storage=tmp_path, name="two", resume=True)
    assert {path: path.stat().st_mtime_ns for path in files} == files  # nothing was trained again
    assert more.confirmed is not None
    assert set(more.confirmed.frame["number"]) == {1, 2, 3}
    assert not more.interrupted


def test_a_search_is_stopped_within_its_confirmation_and_goes_on(tmp_path, monkeypatch, caplog):
    """Its result stands too where the page of it cannot be drawn."""

    def stops(event: Event) -> None:
        if isinstance(event, EpochEnded) and event.trial.startswith("confirm-02"):
            ask_to_stop(tmp_path / "cut")

    study = tiny_study(first=({},))
    with monkeypatch.context() as patched:
        patched.setattr("raykd.page.writing.page", lambda *given: 1 / 0)
        cut = raykd.tune(study, trials=1, confirm=2, slots=2, storage=tmp_path, name="cut", listeners=[stops])
    assert caplog.messages.count("no report.html: ZeroDivisionError: division by zero") == 1
    assert not (tmp_path / "cut/report.html").exists()
    assert cut.interrupted
    assert cut.summary["test_accuracy"] is None
    assert cut.summary["verdict"].startswith("best so far: ")
    assert cut.confirmed is not None
    before = len(cut.confirmed.frame)
    whole = raykd.tune(study, slots=2, storage=tmp_path, name="cut", resume=True)
    assert not whole.interrupted
    assert (tmp_path / "cut/report.html").exists()
    assert whole.confirmed is not None
    assert before < len(whole.confirmed.frame)
    assert not math.isnan(whole.summary["test_accuracy"])
    runs = whole.confirmed.frame.groupby("setting")["number"].apply(list).to_dict()
    assert runs == {name: [1, 2] for name in runs}
    assert {"plain KD", "student alone"} <= runs.keys()


def test_a_winner_whose_checkpoint_is_gone_is_handed_out_as_it_was_confirmed(tmp_path):
    study = tiny_study(first=({},))
    first = raykd.tune(study, trials=1, confirm=1, slots=2, storage=tmp_path, name="gone")
    assert first.confirmed is not None and first.confirmed.winner is not None
    winner = first.confirmed.winner.name
    for file in (first.folder / "trials" / winner).glob("checkpoint*"):
        file.unlink()
    again = raykd.tune(study, slots=2, storage=tmp_path, name="gone", resume=True)
    assert again.best.name.startswith("confirm-01-")
    assert again.best.recipe.seed == study.recipe.seed + 1
    assert again.best.test_accuracy is not None
    assert again.load_student() is not None


@pytest.mark.parametrize(
    ("recipes", "seeds", "message"),
    [
        ({}, 5, "recipes: needs at least one recipe to confirm"),
        ({"one": RECIPE}, 0, "seeds must be at least 1, got 0"),
        (
            {"one": RECIPE, "two": replace(RECIPE, data=tiny.TinyData(num_images=32))},
            5,
            "candidates: two has other data than the study's recipe; all need the same",
        ),
    ],
)
def test_what_cannot_be_compared_is_refused(recipes, seeds, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        raykd.confirm(recipes, seeds=seeds, storage=tmp_path)
    assert not list(tmp_path.iterdir())
