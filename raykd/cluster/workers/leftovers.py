"""Frees what a dead slot's workers still hold of the cluster.

Ray removes a placement group when its job ends, not when the actor that made it dies. Ray Train's own cleaner asks the
dashboard whether the actor is alive, and waits for ever where there is none, as in a Ray that raykd starts itself; a
slot that was started anew would then wait for CPUs that nobody uses, and so would the next search of the same driver.
So whoever makes a placement group tells the cluster's own table of it at once, before it has a worker, and a group that
waits for its own looks after those of mailboxes that are gone. The table lives as long as the cluster, and all machines
see it, whatever storage they have.
"""

import contextlib
import threading

import ray
from ray import PlacementGroupID  # pyright: ignore[reportPrivateImportUsage, reportAttributeAccessIssue]
from ray.experimental import internal_kv
from ray.util.placement_group import PlacementGroup

_TABLE = b"raykd placements"
_ended = set[str]()  # of this process, by their mailboxes: the groups that may hold nothing any more
_LOCK = threading.Lock()


def mailbox_name(folder: str, group: str) -> str:
    """The name that a group's mailbox has in the cluster; it lives as long as the slot that made it.

    Args:
        folder: of the groups of a search; a path or a URI.
    """
    return f"raykd {folder}/{group}"


class GroupHasEnded(BaseException):
    """Ends the run of a group that has ended meanwhile."""


def record_placement(folder: str, group: str, placement: PlacementGroup) -> None:
    """Tells what would have to be freed; of a group that has ended meanwhile, it is freed at once.

    Raises:
        GroupHasEnded: then.
    """
    with _LOCK:
        if (mailbox := mailbox_name(folder, group)) in _ended:
            ray.util.remove_placement_group(placement)
            raise GroupHasEnded
        internal_kv._internal_kv_put(mailbox, placement.id.hex(), namespace=_TABLE)


def free_placement(folder: str, group: str) -> None:
    """Frees what an ended group holds, if it still does: of one that has ended as it should, nothing is left."""
    with _LOCK:
        _ended.add(mailbox_name(folder, group))
        _free(mailbox_name(folder, group))


def free_leftovers(folder: str) -> None:
    """Frees what the groups in a folder hold whose mailbox is gone."""
    # By the folder, as the cluster may have other searches, whose groups are none of this one's business.
    for key in internal_kv._internal_kv_list(mailbox_name(folder, ""), namespace=_TABLE):
        mailbox = key.decode()
        try:
            ray.get_actor(mailbox)
        except ValueError:  # there is none of that name
            _free(mailbox)


def _free(mailbox: str) -> None:
    placement = internal_kv._internal_kv_get(mailbox, namespace=_TABLE)
    if placement is not None:  # else another slot has just freed it
        # First off the table: of several slots that wait, each looks every few seconds.
        internal_kv._internal_kv_del(mailbox, namespace=_TABLE)
        with contextlib.suppress(ValueError):  # it ended with the job that it was of
            ray.util.remove_placement_group(PlacementGroup(PlacementGroupID(bytes.fromhex(placement.decode()))))
