"""Which state of a search Tune goes on from: the newest whole one, though its name may come before an older one's."""

import shutil
from pathlib import Path

import pytest
from controllers import add, new_controller
from ray.tune.execution.experiment_state import _find_newest_experiment_checkpoint
from ray.tune.execution.tune_controller import TuneController

from raykd.cluster.tuner.experiment_state import ExperimentState
from raykd.cluster.tuner.suggestions import TrialGenerator
from raykd.storage.layout import INNER
from raykd.storage.local import LocalStorage
from raykd.storage.synced import SyncedStorage

TODAY, LATER, YESTERDAY = "2026-11-22_10-00-00", "2026-11-22_11-00-00", "2026-11-21_10-00-00"
NAME = TuneController.CKPT_FILE_TMPL.format
FIRST = NAME("0000")


def save(folder: Path, session: str, text: str | None = None) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    (folder / NAME(session)).write_text(text or session)


def saved(folder: Path) -> dict[str, str]:
    return {file.name: file.read_text() for file in folder.iterdir()}


@pytest.fixture
def on_disk(tmp_path: Path) -> ExperimentState:
    (tmp_path / "search").mkdir()
    return ExperimentState(tmp_path / "search", "tune", LocalStorage(root=tmp_path))


@pytest.fixture(params=["a folder", "an object store"])
def storage(request: pytest.FixtureRequest, on_disk: ExperimentState, tmp_path: Path) -> tuple[Path, ExperimentState]:
    """Where Tune's states of a search lie."""
    if request.param == "a folder":
        return on_disk.folder / "tune", on_disk
    synced = SyncedStorage(uri=f"file://{tmp_path}/there", root=tmp_path / "here")
    return tmp_path / "there" / "search" / "tune", ExperimentState(tmp_path / "here" / "search", "tune", synced)


def test_the_newest_comes_before_all_that_follow_it(storage: tuple[Path, ExperimentState]):
    folder, states = storage
    for session in (TODAY, LATER):
        save(folder, session)
    (folder / "tuner.pkl").write_text("of Tune's")
    assert states.put_first()
    assert saved(folder) == {FIRST: LATER, "tuner.pkl": "of Tune's"}
    assert states.put_first()  # a driver that ended before it saved anything
    assert saved(folder) == {FIRST: LATER, "tuner.pkl": "of Tune's"}
    save(folder, YESTERDAY)  # the clock has gone back since
    assert _find_newest_experiment_checkpoint(str(folder)) == str(folder / NAME(YESTERDAY))
    assert states.put_first()
    assert saved(folder) == {FIRST: YESTERDAY, "tuner.pkl": "of Tune's"}


def test_it_may_be_cut_off_and_repeated(storage: tuple[Path, ExperimentState], monkeypatch: pytest.MonkeyPatch):
    folder, states = storage
    save(folder, TODAY)
    assert states.put_first()
    save(folder, YESTERDAY)

    def killed(*arguments: object) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(ExperimentState, "_rename", killed)
        with pytest.raises(KeyboardInterrupt):
            states.put_first()
    assert states.put_first()
    assert saved(folder) == {FIRST: YESTERDAY}


def test_a_folder_without_states_is_left_alone(storage: tuple[Path, ExperimentState]):
    folder, states = storage
    folder.mkdir(parents=True)
    assert not states.put_first()
    assert saved(folder) == {}


@pytest.mark.usefixtures("ray_cluster")
@pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning")
def test_what_tune_saves_is_kept_and_gone_on_from(on_disk: ExperimentState, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(TrialGenerator, "states", on_disk)
    controller = new_controller(on_disk.folder)
    add(controller, "a", "TERMINATED")
    controller.checkpoint(force=True, wait=True)
    (whole,) = saved(on_disk.folder / INNER).values()
    save(on_disk.folder / "tune", LATER, "ha")
    assert on_disk.put_first()
    resumed = new_controller(on_disk.folder, resume=True)
    assert [trial.trial_id for trial in resumed.get_trials()] == ["a"]
    gathered = Path(resumed.experiment_state_path).parent
    assert {file.name: file.read_text() for file in gathered.glob("experiment_state-*")} == {FIRST: whole}


def test_half_a_state_of_tunes_is_not_gone_on_from(on_disk: ExperimentState, tmp_path: Path):
    save(tmp_path / "gathered", TODAY, "whole")
    on_disk.keep(tmp_path / "gathered", TODAY)
    for session in (TODAY, LATER):
        save(on_disk.folder / "tune", session, "ha")  # a driver was killed while Tune wrote it
    for _ in range(2):  # the second, as if the next driver had been killed before it saved anything
        assert on_disk.put_first()
        assert saved(on_disk.folder / "tune") == {FIRST: "whole"}


def test_a_kept_state_is_whole_whenever_its_driver_dies(
    on_disk: ExperimentState, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    def half(source: Path, target: Path) -> None:
        target.write_text("ha")
        raise error

    save(tmp_path / "gathered", TODAY, "whole")
    on_disk.keep(tmp_path / "gathered", TODAY)
    kept = saved(on_disk.folder / INNER)
    monkeypatch.setattr(shutil, "copyfile", half)
    error: BaseException = KeyboardInterrupt()
    with pytest.raises(KeyboardInterrupt):
        on_disk.keep(tmp_path / "gathered", TODAY)
    error = OSError("the disk is full")
    on_disk.keep(tmp_path / "gathered", TODAY)  # it is tried again at the next save
    assert saved(on_disk.folder / INNER) == kept == {"tune_state.json": "whole"}


def test_what_an_earlier_driver_left_on_this_machine_is_dropped(tmp_path: Path):
    save(tmp_path, TODAY)
    ExperimentState.drop_others(tmp_path)
    assert saved(tmp_path) == {NAME(TODAY): TODAY}  # the only one: of a search that has not been resumed
    save(tmp_path, "0000")
    save(tmp_path, YESTERDAY)
    ExperimentState.drop_others(tmp_path)
    assert saved(tmp_path) == {FIRST: "0000"}
