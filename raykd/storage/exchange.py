"""How machines with a folder each share artefacts by a storage's objects.

The storage has the files under the digest of their manifest, and the manifest under the artefact's own name, written
last. Where two machines have made one at a time, both read after a pause whose manifest came last, and take that one's
files, so that all compute with the same bits.
"""

import json
import time
from pathlib import Path

from raykd.storage.atomic import working_folder
from raykd.storage.layout import is_inside
from raykd.storage.manifest import MANIFEST, agrees, digest, put_in_place
from raykd.storage.objects import Objects

_SETTLING_S = 1.0  # far longer than it takes from the look for another's manifest to the writing of one's own


def fetch(objects: Objects, folder: Path) -> bool:
    """Takes what another machine has made; whether there is such an artefact, and it is whole."""
    if (manifest := objects.read(folder / MANIFEST)) is None:
        return False
    with working_folder(folder) as working:
        (working / MANIFEST).write_bytes(manifest)
        try:
            for name in json.loads(manifest):
                if not is_inside(name):
                    return False  # a foreign file: nothing may be written outside
                objects.fetch(folder / digest(manifest) / name, working / name)
        except (LookupError, ValueError):
            return False
        if whole := agrees(working):
            put_in_place(working, folder)
    return whole


def offer(objects: Objects, working: Path, folder: Path) -> None:
    """Keeps what was made here for all machines, and puts it in its place, or what another one has made meanwhile."""
    manifest = (working / MANIFEST).read_bytes()
    for name in json.loads(manifest):
        objects.push(working / name, folder / digest(manifest) / name)
    if fetch(objects, folder):
        return
    objects.write(folder / MANIFEST, manifest)
    time.sleep(_SETTLING_S)
    if objects.read(folder / MANIFEST) == manifest or not fetch(objects, folder):
        put_in_place(working, folder)
