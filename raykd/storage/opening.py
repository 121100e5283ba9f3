"""The storage that a user means: `--storage` is a folder, or any URI that `pyarrow.fs.FileSystem.from_uri` takes.

Credentials come from the environment or the machine's role, as the store's own tools read them. A URI that holds
some is refused: it would stand in logs, in files and in names of folders.
"""

import os
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from raykd.storage.address import is_address
from raykd.storage.local import LocalStorage
from raykd.storage.object_store import opened
from raykd.storage.storage import Storage
from raykd.storage.synced import SyncedStorage, local_root


def open_storage(typed: str | os.PathLike[str]) -> Storage:
    """The storage of a path, which stays as it was typed, or of a URI; `file://` is a plain folder.

    Raises:
        ValueError: a URI that cannot be one, in a line without what is secret in it.
    """
    if not (isinstance(typed, str) and is_address(typed)):
        return LocalStorage(root=Path(typed).expanduser())
    opened(typed)
    parts = urlsplit(typed)
    if parts.scheme == "file":
        return LocalStorage(root=Path(parts.path))
    uri = urlunsplit(parts._replace(path=parts.path.rstrip("/")))
    return SyncedStorage(root=local_root(uri), uri=uri)
