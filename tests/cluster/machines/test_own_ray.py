"""The folder of a Ray of one's own is its user's alone."""

import os
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from users import give_to_nobody

from raykd.cluster.machines.connect import connected
from raykd.cluster.machines.own_ray import private_folder, start_own_ray


@pytest.fixture
def short() -> Iterator[Path]:
    """A folder with a name that leaves room for Ray's sockets; pytest's own are too long."""
    with tempfile.TemporaryDirectory(dir="/tmp") as folder:
        yield Path(folder)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def test_it_is_made_for_its_user_alone(short: Path):
    folder = private_folder(short)
    assert folder == short / f"ray-{os.geteuid()}"
    assert mode(folder) == 0o700
    assert private_folder(short) == folder


def test_one_that_is_open_is_closed(short: Path):
    private_folder(short).chmod(0o777)
    assert mode(private_folder(short)) == 0o700


def test_a_link_in_its_place(short: Path):
    (short / "elsewhere").mkdir()
    (short / f"ray-{os.geteuid()}").symlink_to(short / "elsewhere")
    with pytest.raises(PermissionError, match=r"'s or no folder, and Ray's files must be yours alone; set RAY_TMPDIR"):
        private_folder(short)


def test_another_users_in_its_place(short: Path):
    give_to_nobody(private_folder(short))
    with pytest.raises(PermissionError, match=r"ray-0 is nobody's or no folder"):
        private_folder(short)


def test_a_folder_for_temporary_files_that_is_gone(short: Path):
    with pytest.raises(FileNotFoundError, match=f"^no folder {short}/x for temporary files, .*; set TMPDIR or RAY_TMP"):
        private_folder(short / "x")


def test_a_machine_that_is_too_busy_for_ray(short: Path, monkeypatch: pytest.MonkeyPatch):
    def late(**options: object) -> None:
        raise Exception("The current node timed out during startup.\nThis could happen.")

    monkeypatch.setenv("RAY_TMPDIR", str(short))
    monkeypatch.setattr("raykd.cluster.machines.own_ray.ray.init", late)
    line = (
        r"^Ray did not start on this machine in time \(The current .* happen\.\); \d+ processes want its \d+ CPUs, and"
    )
    with pytest.raises(RuntimeError, match=f"{line} its logs are in {short}/ray-"):
        start_own_ray(forwards_logs=False)


@pytest.mark.parametrize("variable", ["RAY_TMPDIR", "TMPDIR"])
def test_a_folder_too_long_for_rays_sockets(variable: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    most = 39 - len(f"/ray-{os.geteuid()}")
    folder = f"/{'x' * most}"
    monkeypatch.delenv("RAY_TMPDIR", raising=False)
    monkeypatch.setenv(variable, folder)
    monkeypatch.setattr("raykd.cluster.machines.connect.ray.is_initialized", lambda: False)
    line = rf"at most {most} letters, .* got {most + 1} in {folder}; set RAY_TMPDIR=/tmp, or to"
    with pytest.raises(ValueError, match=line), connected("local", tmp_path / "ray.log"):
        raise AssertionError("it connected")
