"""Links in a storage: none that leads out of it is followed by what writes.

A storage may be a link itself, or lie below one, as where a home folder or `runs` leads to a larger disk: whoever names
the storage has chosen that. What lies in it may have been put there by another user of a shared storage, or by an
archive that was unpacked, and would send checkpoints to where this user may write and the other may not. A link that
stays in the storage is followed. It is looked at before it is written to, not while: who may write to a storage can
still change it between the two.
"""

import os
from pathlib import Path

from raykd.errors import NotPermittedError


def check_inside(root: Path, path: Path) -> None:
    """Refuses a path below a storage that a link leads out of it; a path elsewhere is its caller's own.

    Raises:
        PermissionError: the link, and what to do.
    """
    place, path = Path(os.path.abspath(root)), Path(os.path.abspath(path))  # noqa: PTH100 - `..` is taken out too
    if not path.is_relative_to(place):
        return
    for part in path.relative_to(place).parts:
        place /= part
        if place.is_symlink() and not place.resolve().is_relative_to(root.resolve()):
            raise NotPermittedError(
                f"{place} is a link that leads out of the storage {root}, so nothing is written there; move what it "
                f"leads to into the storage, or make the whole storage the link"
            )


def check_all_inside(root: Path, folder: Path) -> None:
    """The same for a folder below a storage and all that lies in it, as of a search that is gone on with.

    Raises:
        PermissionError: as `check_inside`.
    """
    check_inside(root, folder)
    with os.scandir(folder) as entries:
        for entry in entries:
            if entry.is_symlink():
                check_inside(root, Path(entry.path))
            elif entry.is_dir():
                check_all_inside(root, Path(entry.path))
