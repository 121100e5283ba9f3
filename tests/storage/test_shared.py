"""A storage that a group of users writes to: rights follow the umask, and what one left behind the next can take."""

import os
import stat
import tempfile
import traceback
from collections.abc import Iterator
from pathlib import Path

import pytest

from raykd.storage.artifacts import Store
from raykd.storage.atomic import append, working_folder, write_text
from raykd.storage.manifest import put_in_place

GROUP, USERS = 54_000, (54_001, 54_002)  # of nobody: the kernel asks no list of users


@pytest.fixture
def others_may_enter() -> Iterator[Path]:
    """A folder that all users may enter; pytest's own are for their owner alone."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


@pytest.mark.parametrize("mask", [0o002, 0o022, 0o077])
def test_files_and_folders_have_the_rights_that_the_umask_leaves(mask: int, tmp_path: Path):
    before = os.umask(mask)
    try:
        write_text(tmp_path / "written", "text")
        append(tmp_path / "appended", b"text")
        with working_folder(tmp_path / "made") as working:
            working.rename(tmp_path / "made")
    finally:
        os.umask(before)
    rights = {path.name: stat.S_IMODE(path.stat().st_mode) for path in tmp_path.iterdir()}
    assert rights == {"written": 0o666 & ~mask, "appended": 0o666 & ~mask, "made": 0o777 & ~mask}


def test_nothing_is_written_or_deleted_where_a_link_leads(tmp_path: Path):
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "file").write_text("theirs")
    storage = tmp_path / "storage"
    storage.mkdir()
    (storage / "file").symlink_to(outside / "file")
    with pytest.raises(OSError, match="symbolic links"):
        append(storage / "file", b"mine")
    write_text(storage / "file", "mine")
    (storage / "artefact").symlink_to(outside)
    with working_folder(storage / "artefact") as working:
        (working / "words").write_text("ten")
        put_in_place(working, storage / "artefact")
    assert not (storage / "artefact").is_symlink() and (storage / "artefact" / "words").read_text() == "ten"
    assert [(path.name, path.read_text()) for path in outside.iterdir()] == [("file", "theirs")]


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # of Python 3.12 on, where threads run
@pytest.mark.skipif(os.geteuid() != 0, reason="only root can start processes of two other users")
@pytest.mark.parametrize("mask", [0o002, 0o022])
def test_a_torn_artefact_of_one_user_is_made_again_by_another(mask: int, others_may_enter: Path):
    """Also where the first one's umask lets nobody else into the folder, as long as the storage lets both in."""
    store = others_may_enter / "store"
    for folder in (store, store / "codebook", store / "locks"):
        folder.mkdir()
        os.chown(folder, 0, GROUP)
        folder.chmod(0o2775)

    def make(folder: Path) -> None:
        (folder / "words").write_text("ten")

    def get(user: int, mask: int) -> str:
        """What a process of a user finds; a fork, since another user may not start the Python of root's home."""
        answer, told = os.pipe()
        if child := os.fork():
            os.close(told)
            with os.fdopen(answer) as file:
                found = file.read()
            os.waitpid(child, 0)
            return found
        try:
            os.setgroups([GROUP])
            os.setgid(user)
            os.setuid(user)
            os.umask(mask)
            found = (Store(store).get("codebook", "0123abcd", make) / "words").read_text()
        except BaseException:  # whatever it is, the parent is told, and the child never becomes a second pytest
            found = traceback.format_exc()
        os.write(told, found.encode())
        os._exit(0)

    first, second = USERS
    assert get(first, mask) == "ten" == get(second, 0o002)
    (store / "codebook" / "0123abcd" / "words").write_text("torn")
    if mask == 0o022:  # a lock of whoever lets nobody else write is no lock to take
        (store / "locks" / "codebook-0123abcd.lock").unlink()
    assert get(second, 0o002) == "ten"
    assert (store / "codebook" / "0123abcd").stat().st_uid == second
