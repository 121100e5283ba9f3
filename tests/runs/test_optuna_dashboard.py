"""`optuna-dashboard` opens what a search writes of itself."""

import json
import threading
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import optuna_dashboard
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

from raykd.runs.optuna_study import OptunaStudy

LR = {"optimiser/lr": FloatDistribution(0.01, 0.2, log=True)}


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


@pytest.fixture
def url(tmp_path: Path) -> Iterator[str]:
    """A dashboard of a study with a trial that ended and one that runs."""
    study = OptunaStudy(tmp_path / "optuna.journal", "search")
    study.begin("trial-0000-a", {"optimiser/lr": 0.1}, LR, {"setting": "lr 0.1"})
    study.report("trial-0000-a", 1, 0.25)
    study.end("trial-0000-a", TrialState.COMPLETE, [0.25], {"outcome": "complete"})
    study.begin("trial-0001-b", {"optimiser/lr": 0.05}, LR, {})
    app = optuna_dashboard.wsgi(JournalStorage(JournalFileBackend(str(tmp_path / "optuna.journal"))))
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


def ask(url: str) -> Any:
    with urllib.request.urlopen(url, timeout=20) as answer:
        return json.loads(answer.read())


def test_the_dashboard_shows_the_search_with_its_trials(url: str):
    (summary,) = ask(f"{url}/api/studies")["study_summaries"]
    assert (summary["study_name"], summary["directions"]) == ("search", ["maximize"])
    study = ask(f"{url}/api/studies/{summary['study_id']}?after=0")
    assert [trial["state"] for trial in study["trials"]] == ["Complete", "Running"]
    done = study["trials"][0]
    assert done["values"] == [0.25] and done["intermediate_values"] == [{"step": 1, "value": 0.25}]
    assert {entry["key"]: entry["value"] for entry in done["user_attrs"]} == {
        "trial": "trial-0000-a",
        "setting": "lr 0.1",
        "outcome": "complete",
    }
    assert [param["name"] for param in done["params"]] == ["optimiser/lr"]
    assert study["objective_names"] == ["val/accuracy"]
