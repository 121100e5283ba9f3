"""A whole search on real Ray: what it tries, what it finds, what it writes."""

import json
import math
from dataclasses import replace
from typing import Any

import pytest
import torch
from safetensors.torch import load_file
from small_studies import TRIALS, tiny_study
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData  # pyright: ignore

import raykd
import tiny
from raykd.data.dataset import load
from raykd.evaluation.accuracy import accuracy
from raykd.protocols.event import Event, TotalChanged
from raykd.runs.status import read_status
from raykd.runs.trial import read_epochs
from raykd.space.serialise import from_file
from raykd.storage.artifacts import Store
from raykd.storage.layout import INNER

pytestmark = [
    pytest.mark.usefixtures("ray_cluster"),
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore::ray.util.annotations.RayDeprecationWarning"),
]


def test_every_trial_and_both_baselines_stand_in_the_table(found, study):
    frame = found.frame
    assert len(frame) == TRIALS + 2
    assert sorted(frame[frame["baseline"]]["setting"]) == ["plain KD", "student alone"]
    assert set(frame[frame["baseline"]]["outcome"]) == {"complete"}
    assert set(frame["outcome"]) <= {"complete", "stopped", "diverged"}
    assert (frame[frame["outcome"] == "complete"]["epochs"] == study.recipe.epochs).all()
    assert (frame[frame["outcome"] == "stopped"]["epochs"] < study.recipe.epochs).all()
    values = frame["val/accuracy"]
    assert list(values) == sorted(values, reverse=True)
    assert not found.interrupted
    for values in study.first:
        whole = study.complete(values)
        assert any(all(row.get(path) == value for path, value in whole.items()) for row in frame.to_dict("records"))


def test_what_nobody_need_see_lies_in_one_hidden_folder(found):
    there = {path.name for path in found.folder.iterdir()} - {
        "ray.log"
    }  # which is there where Ray had to say something
    told = {
        "search.json",
        "base_recipe.json",
        "status.json",
        "summary.json",
        "trials.csv",
        "best_recipe.json",
        "confirmation.csv",
        "optuna.journal",
        "report.html",
        "report.md",
    }
    assert there == told | {"student.safetensors", "trials", "tensorboard", "tensorboard-confirmation", INNER}
    assert {path.name for path in (found.folder / INNER).iterdir()} == {
        "groups",
        "ledger",
        "running.lock",
    }


def test_the_best_recipe_runs_again_to_the_same_numbers(found, tmp_path):
    recipe = from_file(found.folder / "best_recipe.json", (tiny.TinyData,))
    again = tiny.finish(recipe, Store(tmp_path))
    assert again.metrics[-1] == found.summary["metrics"]
    student = load_file(found.folder / "student.safetensors")
    assert tiny.same_weights(student, again.weights)


def test_the_student_loads_into_the_plain_network(found):
    student = found.load_student()
    data = load(tiny.TinyData(), torch.device("cpu"))
    assert accuracy(student.staged, data, data.test) == found.best.test_accuracy == found.summary["test_accuracy"]
    assert accuracy(student.staged, data, data.validation) == found.best.metrics["val/accuracy"]
    plain = tiny.STUDENT.build(data.num_classes, data.image_shape).network
    plain.load_state_dict(load_file(found.folder / "student.safetensors"))


def test_only_the_best_and_the_baselines_are_tested(found):
    tested = found.frame[found.frame["test/accuracy"].notna()]
    assert set(tested["name"]) == {found.summary["best"], *found.frame[found.frame["baseline"]]["name"]}


def test_finalists_and_baselines_are_trained_again_with_the_same_fresh_seeds(found, study):
    confirmed = found.confirmed
    assert confirmed.seeds == 2
    runs = confirmed.frame
    assert set(runs.groupby("candidate")["number"].apply(tuple)) == {(1, 2)}
    assert {one.setting for one in confirmed.candidates if one.is_baseline} == {"plain KD", "student alone"}
    assert sum(not one.is_baseline for one in confirmed.candidates) <= 3
    for row in runs.to_dict("records"):
        (folder,) = (found.folder / "trials").glob(f"confirm-{row['number']:02d}-{row['candidate'][:-8]}*")
        recipe = from_file(folder / "recipe.json", (tiny.TinyData,))
        assert recipe.seed == study.recipe.seed + row["number"]
        assert read_epochs(folder)[-1]["val/accuracy"] == row["validation"]
        searched = from_file(found.folder / "trials" / row["candidate"] / "recipe.json", (tiny.TinyData,))
        assert replace(recipe, seed=searched.seed) == searched


def test_of_the_confirmation_the_winner_and_the_baselines_are_tested(found):
    confirmed = found.confirmed
    winner = confirmed.winner
    assert winner.name == found.best.name == found.summary["best"]
    assert winner.validation.mean == max(one.validation.mean for one in confirmed.candidates)
    tested = {one.name for one in confirmed.candidates if one.test is not None}
    assert tested == {winner.name, *(one.name for one in confirmed.candidates if one.is_baseline)}
    assert set(confirmed.frame[confirmed.frame["test"].notna()]["candidate"]) == tested


def test_every_trial_streams_to_tensorboard_with_its_row_in_the_hparams_tab(found, study):
    board = found.folder / "tensorboard"
    search = EventAccumulator(str(board / "search")).Reload()
    (text,) = search.Tensors("verdict")
    assert text.tensor_proto.string_val[0].decode() == found.summary["verdict"]
    best = [point.value for point in search.Scalars("search/best")]
    complete = found.frame[found.frame["outcome"] == "complete"]["val/accuracy"]
    assert len(best) == len(complete) and best[-1] == pytest.approx(complete.max()) and best == sorted(best)
    experiment = search.summary_metadata["_hparams_/experiment"]
    named = HParamsPluginData.FromString(experiment.plugin_data.content).experiment.hparam_infos
    assert {info.name for info in named} == {*study.every_range(), "kind"}
    rows = {run_of(row): row for row in found.frame.to_dict("records")}
    assert {path.name for path in board.iterdir()} == {"search", "teacher", *rows}
    for name, row in rows.items():
        events = EventAccumulator(str(board / name)).Reload()
        steps = [event.step for event in events.Scalars("val/accuracy")]
        assert steps == list(range(1, row["epochs"] + 1))
        assert events.Scalars("val/accuracy")[-1].value == pytest.approx(row["val/accuracy"])
        start = HParamsPluginData.FromString(
            events.summary_metadata["_hparams_/session_start_info"].plugin_data.content
        ).session_start_info
        drawn = {key: value for key, value in row.items() if key in study.every_range() and not _missing(value)}
        assert set(start.hparams) >= {*drawn, *study.choices, "kind"}
        assert start.group_name == name
        assert "_hparams_/session_end_info" in events.summary_metadata
        tested = not _missing(row["test/accuracy"])
        assert ("test/accuracy" in events.Tags()["scalars"]) == tested
        if tested:
            assert events.Scalars("test/accuracy")[0].value == pytest.approx(row["test/accuracy"])
            assert events.Scalars("winner")[0].value == (row["name"] == found.summary["best"])


def run_of(row: dict[str, Any]) -> str:
    """The name of a trial's run in TensorBoard."""
    number = "" if row["baseline"] else f"{int(row['name'].split('-')[1]):02d} "
    return number + row["setting"]


def test_the_confirmation_has_a_board_of_its_own(found):
    runs = {path.name for path in (found.folder / "tensorboard-confirmation").iterdir()}
    assert len(runs) == len(found.confirmed.frame)
    assert {f"plain KD, seed {number}" for number in (1, 2)} < runs


def test_each_trial_keeps_its_recipe_its_values_and_its_epochs(found):
    for row in found.frame.to_dict("records"):
        folder = found.folder / "trials" / row["name"]
        recipe = from_file(folder / "recipe.json", (tiny.TinyData,))
        assert recipe.epochs >= len(read_epochs(folder)) == row["epochs"]
        values = json.loads((folder / "values.json").read_text())
        assert all(row[path] == value for path, value in values.items())


def test_the_teacher_is_trained_once_for_all(found):
    routes = list((found.folder.parent / "artifacts" / "route").iterdir())
    assert len(routes) == 1
    assert not list((found.folder.parent / "artifacts").glob("unfinished/*"))


def test_a_study_of_few_settings_is_tried_once_and_its_search_is_finished(study, tmp_path):
    """Two settings, plain KD among them: it is the baseline, so that of the nine trials that are wanted one is left."""
    choices = {"swap": study.choices["swap"]}
    of_all = tiny_study(choices=choices, ranges={}, first=()).every_range()
    small = tiny_study(choices=choices, ranges=dict.fromkeys(of_all.keys() - choices.keys()), first=())
    told: list[Event] = []
    done = raykd.tune(small, trials=9, slots=2, storage=tmp_path, name="few", listeners=[told.append])
    assert list(done.frame[~done.frame["baseline"]]["swap"]) == ["iakd"]
    plain = done.frame.set_index("setting").loc["plain KD"]
    assert (plain["swap"], bool(plain["baseline"])) == ("off", True)
    assert not done.interrupted and done.summary["test_accuracy"] is not None
    why = "the study has no other setting than these"
    assert [event for event in told if isinstance(event, TotalChanged)] == [TotalChanged(total=3, why=why)]
    state = read_status(done.folder)
    assert state is not None and (state.total, len(state.ended)) == (3, 3)
    again = raykd.tune(small, slots=2, storage=tmp_path, name="few", resume=True)  # it has ended, and still has
    assert not again.interrupted and len(again.frame) == 3


def test_a_name_is_taken_only_once(found, study):
    with pytest.raises(FileExistsError, match="search exists already; go on with it by --resume"):
        raykd.tune(study, trials=1, storage=found.folder.parent, name="search")


def test_another_study_does_not_go_on_with_it(found):
    changed = tiny_study(recipe=tiny.recipe(epochs=5))
    with pytest.raises(ValueError, match="with another base recipe than 'tiny' has now"):
        raykd.tune(changed, storage=found.folder.parent, name="search", resume=True)


def test_too_many_slots_are_refused_before_any_work(study, tmp_path):
    with pytest.raises(ValueError, match="too few CPUs"):
        raykd.tune(study, slots=50, storage=tmp_path, name="big")
    assert not list(tmp_path.iterdir())  # the name is free again


def _missing(value):
    return value is None or (isinstance(value, float) and math.isnan(value))
