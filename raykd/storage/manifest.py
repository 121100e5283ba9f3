"""The manifest of an artefact: the size and SHA-256 of each file, by which a torn or foreign one is found out."""

import contextlib
import hashlib
import json
import shutil
from pathlib import Path

from raykd.storage.atomic import unused, write_text
from raykd.storage.layout import is_inside

MANIFEST = "manifest.json"


def write_manifest(folder: Path, artifact: str) -> None:
    """Writes the manifest of all files that the maker of an artefact has written into a folder.

    Raises:
        RuntimeError: there are none.
    """
    sums = {str(path.relative_to(folder)): _sum(path) for path in sorted(folder.rglob("*")) if path.is_file()}
    if not sums:
        raise RuntimeError(f"the maker of {artifact} wrote no file")
    write_text(folder / MANIFEST, json.dumps(sums, indent=1))


def agrees(folder: Path) -> bool:
    """Whether the files of a folder are those of its manifest."""
    try:
        sums = json.loads((folder / MANIFEST).read_text())
        entries = sums.items() if isinstance(sums, dict) else ()
        return bool(entries) and all(is_inside(name) and _sum(folder / name) == entry for name, entry in entries)
    except (OSError, ValueError):
        return False


def files_of(manifest: bytes) -> list[str]:
    """The names of an artefact's files, relative to its folder.

    Raises:
        ValueError: it is no manifest, or names a file elsewhere.
    """
    sums = json.loads(manifest)
    if not isinstance(sums, dict) or not sums or not all(map(is_inside, sums)):
        raise ValueError("no manifest")
    return list(sums)


def digest(manifest: bytes) -> str:
    """What the files of a manifest are kept under where several machines may have made an artefact."""
    return hashlib.sha256(manifest).hexdigest()[:16]


def put_in_place(working: Path, folder: Path) -> None:
    """Renames a whole artefact to its own name, in place of what was torn, or left by a killed process.

    What stands there is renamed before it is deleted: of another user's folder nobody else may delete the files, and a
    link is taken away without a look at where it leads.
    """
    with contextlib.suppress(FileNotFoundError):
        folder.rename(unused(folder))
    working.rename(folder)
    for remains in folder.parent.glob(f".{folder.name}-*"):
        if remains.is_symlink():
            remains.unlink()
        else:
            shutil.rmtree(remains, ignore_errors=True)


def _sum(path: Path) -> list[int | str]:
    with path.open("rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    return [path.stat().st_size, found]
