"""The listeners of docs/trackers.md: MLflow's against its own file store."""

import inspect
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

import raykd
from raykd.protocols.event import METRIC, EpochEnded, Event, SearchBegan, TrialBegan, TrialEnded
from raykd.protocols.outcome import TrialOutcome

PAGE = (Path(__file__).parents[2] / "docs" / "trackers.md").read_text()


def listing(name: str) -> str:
    """The Python of the page that defines a class."""
    (found,) = (code for code in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if f"class {name}:" in code)
    return found


def events(folder: Path) -> list[Event]:
    def ended(kind: str, accuracy: float | None) -> TrialOutcome:
        return TrialOutcome(kind=kind, accuracy=accuracy, epochs=2)

    return [
        SearchBegan(folder=folder, total=3, ranges={}),
        TrialBegan(trial="trial-0000-a", setting="KD T 3", values={"terms/kd/temperature": 3.0, "route": "rco"}),
        TrialBegan(trial="student-alone-b", setting="student alone", values={}),
        EpochEnded(trial="trial-0000-a", number=1, epochs=2, metrics={METRIC: 0.25}),
        EpochEnded(trial="trial-0000-a", number=2, epochs=2, metrics={METRIC: 0.5}),
        TrialEnded(trial="trial-0000-a", outcome=ended("complete", 0.5)),
        TrialEnded(trial="student-alone-b", outcome=ended("failed", None)),
        TrialEnded(trial="trial-0001-c", outcome=ended("failed", None)),  # its workers never came up
    ]


@pytest.mark.filterwarnings("ignore")  # of MLflow and what it stands on
def test_mlflow_has_a_run_for_each_trial_and_a_resumed_search_adds_none(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("MLFLOW_DISABLE_TELEMETRY", "true")
    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")  # a new database takes 25 s
    mlflow = pytest.importorskip("mlflow")
    namespace: dict[str, Any] = {}
    exec(listing("ToMLflow"), namespace)
    uri = f"file:{tmp_path / 'mlruns'}"
    for _ in range(2):
        listener = namespace["ToMLflow"](uri)
        for event in events(tmp_path / "search"):
            listener(event)
    client = mlflow.MlflowClient(tracking_uri=uri)
    runs = {
        run.info.run_name: run for run in client.search_runs([client.get_experiment_by_name("search").experiment_id])
    }
    assert {name: run.info.status for name, run in runs.items()} == {
        "trial-0000-a": "FINISHED",
        "student-alone-b": "FAILED",
    }
    trial = runs["trial-0000-a"]
    assert trial.data.params == {"terms/kd/temperature": "3.0", "route": "rco"}
    assert (trial.data.tags["setting"], trial.data.tags["outcome"]) == ("KD T 3", "complete")
    history = client.get_metric_history(trial.info.run_id, METRIC)
    assert {(point.step, point.value) for point in history} == {(1, 0.25), (2, 0.5)}


def test_the_listener_for_weights_and_biases_is_python():
    compile(listing("ToWandb"), "trackers.md", "exec")


def test_each_is_given_to_a_search_as_the_page_has_it():
    calls = [block for block in re.findall(r"```python\n(.*?)```", PAGE, re.DOTALL) if block.startswith("raykd.tune(")]
    given: list[Any] = []

    def tune(*arguments: Any, **options: Any) -> None:
        inspect.signature(raykd.tune).bind(*arguments, **options)
        given.extend(options["listeners"])

    known = SimpleNamespace(tune=tune, load_study=raykd.load_study)
    for block in calls:
        exec(block, {"raykd": known, "ToMLflow": lambda uri: uri, "ToWandb": lambda project: project})
    assert given == ["sqlite:///mlflow.db", "distillation"]
