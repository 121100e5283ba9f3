"""A whole search of two goals on real Ray: its front, its files, the student of each point, and that it goes on."""

import json
import math

import optuna
import pandas
import pytest
import torch
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from small_studies import tiny_study

import raykd
import tiny
from raykd.data.dataset import load
from raykd.errors import InvalidError
from raykd.evaluation.accuracy import accuracy
from raykd.models.cnn import CNN
from raykd.runs.costs import read_costs
from raykd.runs.result import Result

pytestmark = [
    pytest.mark.usefixtures("ray_cluster"),
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore::ray.util.annotations.RayDeprecationWarning"),
]
STUDENTS = {"own": tiny.STUDENT, "thin": CNN(widths=(2, 3)), "wide": CNN(widths=(8, 12))}


def study(**changes):
    return tiny_study(**({"sizes": {"student": STUDENTS}, "first": ()} | changes))


@pytest.fixture(scope="module")
def pareto(ray_cluster, tmp_path_factory) -> Result:
    storage = tmp_path_factory.mktemp("storage")
    return raykd.tune(
        study(), trials=5, confirm=2, slots=2, storage=storage, name="search", seed=1, pareto="parameters"
    )


def the_front(found: Result) -> pandas.DataFrame:
    assert found.front is not None
    return found.front


def test_the_front_is_what_no_other_beats(pareto):
    frame, front = pareto.frame, the_front(pareto)
    ended = frame[frame["outcome"] == "complete"].to_dict("records")

    def beaten(row):
        return any(
            (float(other["val/accuracy"]), -other["parameters"]) != (float(row["val/accuracy"]), -row["parameters"])
            and float(other["val/accuracy"]) >= float(row["val/accuracy"])
            and int(other["parameters"]) <= int(row["parameters"])
            for other in ended
        )

    unbeaten = {(row["val/accuracy"], row["parameters"]) for row in ended if not beaten(row)}
    assert {(row["val/accuracy"], row["cost"]) for row in front.to_dict("records")} == unbeaten
    assert list(front["cost"]) == sorted(front["cost"])
    assert pareto.summary["verdict"].startswith("a front of ")
    assert not any(math.isnan(value) for value in front["test/accuracy"])
    confirmed = {each.name for each in pareto.confirmed.candidates if not each.is_baseline}
    assert confirmed <= set(front["name"])
    assert read_costs(pareto.folder / "costs.json").of(tiny.STUDENT).parameters in set(frame["parameters"])


def test_the_student_of_each_point_is_there_by_its_number(pareto):
    data = load(tiny.TinyData(), torch.device("cpu"))
    for row in the_front(pareto).to_dict("records"):
        student = raykd.load_student(pareto.folder, (tiny.TinyData,), row["name"])
        assert sum(weight.numel() for weight in student.parameters()) == row["parameters"]
        assert accuracy(student.staged, data, data.validation) == row["val/accuracy"]
        if row["name"].startswith("trial-"):
            again = pareto.load_student(int(row["name"][6:10]))
            assert tiny.same_weights(again.network.state_dict(), student.network.state_dict())


def test_optuna_reads_a_study_of_two_values(pareto):
    storage = JournalStorage(JournalFileBackend(str(pareto.folder / "optuna.journal")))
    read = optuna.load_study(study_name=None, storage=storage)
    assert [direction.name for direction in read.directions] == ["MAXIMIZE", "MINIMIZE"]
    assert read.metric_names == ["val/accuracy", "parameters"]
    names = {trial.user_attrs["trial"] for trial in read.best_trials}
    assert {name for name in the_front(pareto)["name"] if "KD" not in name} - names == set()
    for trial in read.trials:
        assert (len(trial.values) if trial.values else 0) == (2 if trial.state.name == "COMPLETE" else 0)


def test_the_page_draws_it(pareto):
    text = (pareto.folder / "report.html").read_text()
    assert f"A front of {len(the_front(pareto))} points: accuracy against parameters" in text
    assert "<h2>The front</h2>" in text and "Its picture is left out" not in text
    assert "## The front: accuracy against parameters" in (pareto.folder / "report.md").read_text()


def test_it_keeps_its_goal_and_goes_on(pareto):
    kept = (pareto.folder / "costs.json").read_text()
    with pytest.raises(InvalidError, match=r"searches for accuracy and parameters, and pareto latency begins a new"):
        raykd.tune(study(), storage=pareto.folder.parent, name="search", resume=True, pareto="latency")
    more = raykd.tune(study(), slots=2, storage=pareto.folder.parent, name="search", more_trials=1, confirm=0)
    assert len(more.frame) == len(pareto.frame) + 1 and more.front is not None
    assert json.loads((pareto.folder / "search.json").read_text())["pareto"] == "parameters"
    assert (pareto.folder / "costs.json").read_text() == kept
    warm = raykd.tune(
        study(),
        trials=1,
        slots=1,
        storage=pareto.folder.parent,
        name="warm",
        pareto="parameters",
        warm_start=more.folder,
    )
    assert warm.front is not None
