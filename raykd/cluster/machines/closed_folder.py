"""A folder that its user alone enters, in a place such as `/tmp` where anybody may have made something before."""

import contextlib
import os
import stat
from pathlib import Path

from raykd.cluster.machines.sockets import user_name
from raykd.errors import NotPermittedError


def closed_folder(folder: Path) -> Path:
    """The same folder, made where it is missing, and with mode 700.

    Raises:
        PermissionError: there is another user's, or no folder, in its place.
    """
    with contextlib.suppress(FileExistsError):
        folder.mkdir(mode=0o700, parents=True)
    found = folder.lstat()  # of a link itself: wherever it leads, whoever made it may lead it elsewhere later
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise NotPermittedError(
            f"{folder} is {user_name(found.st_uid)}'s or no folder, and Ray's files must be yours alone; set "
            "RAY_TMPDIR to a folder of yours with a short name"
        )
    if stat.S_IMODE(found.st_mode) != 0o700:
        folder.chmod(0o700)
    return folder
