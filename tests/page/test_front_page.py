"""The front on the page of a made-up search of two goals."""

import json
from pathlib import Path
from typing import Any

import pandas
import pytest

from finished_search import BASE, LOCAL, finished_search
from raykd.evaluation.cost import Cost
from raykd.page.commands import how_to_use
from raykd.page.evidence import Evidence, read_evidence
from raykd.page.first_screen import facts, headline
from raykd.page.front import front
from raykd.page.looking import NOTHING_SEEN
from raykd.page.markdown import markdown
from raykd.page.sections import sections
from raykd.runs.costs import COSTS, Costs, save_costs
from raykd.runs.front import FRONT
from raykd.space.serialise import fingerprint

POINTS = (("trial-0003-abc", 120, 0.58, "single run"), ("trial-0015-abc", 2000, 0.9, "confirmed"))


@pytest.fixture(scope="module")
def evidence(tmp_path_factory: pytest.TempPathFactory) -> Evidence:
    folder = finished_search(tmp_path_factory.mktemp("runs") / "one")
    search = json.loads((folder / "search.json").read_text())
    (folder / "search.json").write_text(json.dumps(search | {"pareto": "parameters"}))
    (folder / "student.safetensors").touch()
    (folder / "best_recipe.json").write_text((folder / "base_recipe.json").read_text())
    key = fingerprint(BASE.student)
    cost = Cost(parameters=300, multiply_adds=3000, latency_ms={}, device="made up", threads=1)
    costs = Costs(
        image=(1, 8, 8), classes=10, device="made up", threads=1, load=0.0, students={key: cost}, words={key: "it"}
    )
    save_costs(costs, folder / COSTS)
    pandas.DataFrame([_point(*point) for point in POINTS]).to_csv(folder / FRONT, index=False)
    return read_evidence(folder, LOCAL, "finished")


def _point(name: str, cost: int, accuracy: float, state: str) -> dict[str, Any]:
    interval = {"low": accuracy - 0.02, "high": accuracy + 0.02, "seeds": 5} if state == "confirmed" else {"seeds": 1}
    words = {"name": name, "student": f"{cost} wide", "setting": "lr", "baseline": False, "state": state}
    numbers = {"accuracy": accuracy, "val/accuracy": accuracy, "test/accuracy": 0.8, "cost": float(cost)}
    return words | numbers | interval | {"parameters": cost, "multiply_adds": 10 * cost}


def test_confirmed_points_have_an_interval_and_single_runs_are_hollow(evidence: Evidence):
    (drawing,) = front(evidence)
    traces = {trace.name: trace for trace in drawing.figure.data}
    assert set(traces) == {"baselines, one run", "trials, one run", None, "the front, confirmed", "the front, one run"}
    sure, single = traces["the front, confirmed"], traces["the front, one run"]
    assert (list(sure.x), list(sure.y), list(sure.text)) == ([2000.0], [90.0], ["2000 wide"])
    assert list(sure.error_y.array) == pytest.approx([2.0])
    assert list(single.marker.symbol) == ["circle-open"] and single.error_y.array is None
    assert set(traces["trials, one run"].x) == {300.0}
    assert len(traces["trials, one run"].x) == 15 - 2  # complete ones that are not on the front
    layout: Any = drawing.figure.layout
    assert (layout.xaxis.type, layout.xaxis.title.text) == ("log", "parameters")


def test_the_first_screen_tells_its_ends(evidence: Evidence):
    assert headline(evidence) == "A front of 2 points: accuracy against parameters"
    told = [(fact.number, fact.words) for fact in facts(evidence)][:2]
    assert told == [
        ("58.0 %", "the cheapest, 120 parameters, single run"),
        ("90.0 \u00b1 2.0 %", "the most accurate, 2,000 parameters, confirmed"),
    ]
    typed = dict(how_to_use(evidence))["the same of another point of the front"]
    assert typed == f"raykd export {evidence.called} --trial trial-0003-abc"


def test_each_point_stands_in_a_table(evidence: Evidence):
    (section,) = [section for section in sections(evidence, [], (), NOTHING_SEEN) if section.key == "front"]
    assert [row[1] for row in section.rows] == ["120 parameters", "2,000 parameters"]
    text = markdown(evidence, [])
    assert "| 120 wide | 120 parameters | 58.0 | 80.0 | one run, not confirmed |" in text


def test_a_search_of_one_goal_has_none(tmp_path: Path):
    other = read_evidence(finished_search(tmp_path / "one"), LOCAL, "finished")
    assert front(other) == []
    assert "front" not in [section.key for section in sections(other, [], (), NOTHING_SEEN)]
