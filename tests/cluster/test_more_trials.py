"""A finished search is given more trials: it goes on where it was, and knows what it has found."""

import json

import pytest
from small_studies import tiny_study

import raykd
from raykd.runs.status import read_status

pytestmark = [
    pytest.mark.usefixtures("ray_cluster"),
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore::ray.util.annotations.RayDeprecationWarning"),
]


@pytest.fixture(scope="module")
def finished(ray_cluster, tmp_path_factory):
    storage = tmp_path_factory.mktemp("storage")
    return raykd.tune(tiny_study(), trials=2, slots=2, storage=storage, name="search", seed=3)


def test_more_trials_are_added_to_a_finished_search_and_nothing_is_trained_again(finished):
    folder = finished.folder
    before = {path: path.stat().st_mtime_ns for path in folder.glob("trials/*/checkpoint.pt")}
    assert len(before) == 4
    more = raykd.tune(tiny_study(), slots=1, storage=folder.parent, name="search", more_trials=2)
    assert not more.interrupted
    # Those of the worse may have been deleted since.
    assert {path: path.stat().st_mtime_ns for path in before if path.exists()}.items() <= before.items()
    numbers = sorted(name[:10] for name in more.frame[~more.frame["baseline"]]["name"])
    assert numbers == ["trial-0000", "trial-0001", "trial-0002", "trial-0003"]
    kept = more.frame.set_index("name").loc[list(finished.frame["name"]), "val/accuracy"]
    assert list(kept) == list(finished.frame["val/accuracy"])
    complete = [row["name"] for row in more.frame.to_dict("records") if row["outcome"] == "complete"]
    assert more.summary["best"] == complete[0]  # a baseline may be it
    assert set(more.frame[more.frame["test/accuracy"].notna()]["name"]) == {
        more.summary["best"],
        *more.frame[more.frame["baseline"]]["name"],
    }
    assert json.loads((folder / "search.json").read_text())["trials"] == 4
    state = read_status(folder)
    assert state is not None
    assert (len(state.ended), state.total, state.running, state.doing) == (6, 6, (), "")
    assert {name: end.kind for name, end in state.ended.items()} == dict(more.frame[["name", "outcome"]].values)


def test_no_more_trials_than_it_was_started_with_without_saying_so(finished):
    with pytest.raises(ValueError, match=r"^search has (\d) trials, got trials=9; what adds some is more_trials=\d "):
        raykd.tune(tiny_study(), trials=9, storage=finished.folder.parent, name="search", resume=True)


def test_at_least_one_trial_more(finished):
    with pytest.raises(ValueError, match="more_trials must be at least 1, got 0"):
        raykd.tune(tiny_study(), storage=finished.folder.parent, name="search", more_trials=0)
