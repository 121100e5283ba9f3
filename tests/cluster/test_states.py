"""Which state of a search Tune goes on from: the newest, though its name may come before an older one's."""

from collections.abc import Callable
from pathlib import Path

import pytest
from ray.tune.execution.experiment_state import _find_newest_experiment_checkpoint
from ray.tune.execution.tune_controller import TuneController
from ray.tune.search.search_generator import SearchGenerator
from ray.tune.search.searcher import Searcher

from raykd.cluster import states
from raykd.cluster.states import drop_others, put_first
from raykd.mirror import Mirror

TEMPLATES = [kind.CKPT_FILE_TMPL for kind in (TuneController, SearchGenerator, Searcher)]
TODAY, LATER, YESTERDAY = "2026-11-22_10-00-00", "2026-11-22_11-00-00", "2026-11-21_10-00-00"
FIRST = {template.format("0000") for template in TEMPLATES}


def save(folder: Path, session: str) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for template in TEMPLATES:
        (folder / template.format(session)).write_text(session)


def saved(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


@pytest.fixture(params=["a folder", "an object store"])
def storage(request: pytest.FixtureRequest, tmp_path: Path) -> tuple[Path, Callable[[], None]]:
    """Where a search's states lie, and what puts the newest of them first."""
    there = tmp_path / "there" / "tune"
    if request.param == "a folder":
        return there, lambda: put_first(there)
    mirror = Mirror(f"file://{tmp_path}/there", tmp_path / "here")
    return there, lambda: put_first(tmp_path / "here" / "tune", mirror)


def test_the_newest_comes_before_all_that_follow_it(storage: tuple[Path, Callable[[], None]]):
    folder, put = storage
    for session in (TODAY, LATER):
        save(folder, session)
    (folder / "tuner.pkl").write_text("of Tune's")
    put()
    assert saved(folder) == dict.fromkeys(FIRST, LATER) | {"tuner.pkl": "of Tune's"}
    put()  # a driver that ended before it saved anything
    assert saved(folder) == dict.fromkeys(FIRST, LATER) | {"tuner.pkl": "of Tune's"}
    save(folder, YESTERDAY)  # the clock has gone back since
    assert _find_newest_experiment_checkpoint(str(folder)) == str(folder / TEMPLATES[0].format(YESTERDAY))
    put()
    assert saved(folder) == dict.fromkeys(FIRST, YESTERDAY) | {"tuner.pkl": "of Tune's"}


@pytest.mark.parametrize("done", range(len(TEMPLATES)))
def test_it_may_be_cut_off_and_repeated(
    storage: tuple[Path, Callable[[], None]], monkeypatch: pytest.MonkeyPatch, done: int
):
    folder, put = storage
    save(folder, TODAY)
    put()
    save(folder, YESTERDAY)
    kinds: list[Path] = []

    def rename(old: Path, new: Path, mirror: Mirror | None) -> None:
        if len(kinds) == done:
            raise KeyboardInterrupt
        kinds.append(old)
        whole(old, new, mirror)

    with monkeypatch.context() as patch:
        whole = states._rename
        patch.setattr(states, "_rename", rename)
        with pytest.raises(KeyboardInterrupt):
            put()
    put()
    assert saved(folder) == dict.fromkeys(FIRST, YESTERDAY)


def test_a_folder_without_states_is_left_alone(storage: tuple[Path, Callable[[], None]]):
    folder, put = storage
    folder.mkdir(parents=True)
    put()
    assert saved(folder) == {}


def test_what_an_earlier_driver_left_on_this_machine_is_dropped(tmp_path: Path):
    save(tmp_path, TODAY)
    drop_others(tmp_path)
    assert set(saved(tmp_path).values()) == {TODAY}  # the only one: of a search that has not been resumed
    save(tmp_path, "0000")
    save(tmp_path, YESTERDAY)
    drop_others(tmp_path)
    assert saved(tmp_path) == dict.fromkeys(FIRST, "0000")
