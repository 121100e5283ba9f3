"""Frees what a dead slot's workers still hold of the cluster.

Ray removes a placement group when its job ends, not when the actor that made it dies. Ray Train's own cleaner asks the
dashboard whether the actor is alive, and waits for ever where there is none, as in a Ray that raykd starts itself; a
slot that was started anew would then wait for CPUs that nobody uses. So the first worker of a group writes down
its placement group, and a group that waits for its own looks after those of mailboxes that are gone.
"""

import contextlib
from pathlib import Path
from typing import Any

import ray
from ray import PlacementGroupID  # pyright: ignore[reportPrivateImportUsage, reportAttributeAccessIssue]
from ray.util.placement_group import PlacementGroup, get_current_placement_group

from raykd.artifacts import write_text

_RECORD = ".placement"


def mailbox_name(folder: Path, group: str) -> str:
    """The name that a group's mailbox has in the cluster; it lives as long as the slot that made it."""
    return f"raykd {folder / group}"


def record_placement(folder: Path, group: str) -> None:
    """Called by the first worker of a group: writes down what would have to be freed."""
    placement: Any = get_current_placement_group()
    if placement is not None:
        write_text(folder / f"{group}{_RECORD}", placement.id.hex())


def free_placement(folder: Path, group: str) -> None:
    """Frees what a group holds, if it still does: of one that has ended as it should, nothing is left."""
    file = folder / f"{group}{_RECORD}"
    with contextlib.suppress(FileNotFoundError):  # another slot has just freed it
        text = file.read_text()
        file.unlink()
        with contextlib.suppress(ValueError):  # of an earlier cluster, which took it along
            ray.util.remove_placement_group(PlacementGroup(PlacementGroupID(bytes.fromhex(text))))


def free_leftovers(folder: Path) -> None:
    """Frees what the groups in a folder hold whose mailbox is gone."""
    for file in folder.glob(f"*{_RECORD}"):
        group = file.name.removesuffix(_RECORD)
        try:
            ray.get_actor(mailbox_name(folder, group))
        except ValueError:  # there is none of that name
            free_placement(folder, group)
