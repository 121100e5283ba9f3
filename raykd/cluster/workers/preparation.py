"""What the trials of a search share, made by the group that comes up first, while the others come up.

No group begins a trial before it is made. Driver and groups speak through the table that the cluster itself keeps (see
`leftovers.py`): which group makes it, what it says meanwhile, and how it ended. A group whose worker dies goes on with
it when the worker is started anew, and where the whole group is gone, with its mailbox, another one takes its place.
"""

import pickle
import time
import traceback
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import ray
from ray.experimental import internal_kv

from raykd.errors import FailureError, is_for_the_user

_TABLE = b"raykd preparations"
_MAKER, _TRIES, _NEWS, _STATE = "maker", "try", "news", "state"
_DONE = b"done"
_MOST_TRIES = 3
_LOOK_EVERY_S = 0.1


@dataclass(frozen=True, kw_only=True)
class Preparation:
    """See the file's docstring. Passed on by slots, which load nothing of it.

    Args:
        key: of this driver's run, like no other of the cluster.
        make: a function, pickled, that is given one to tell the driver events with.
    """

    key: str
    make: bytes

    def take_part(self, group: str) -> bool:
        """Called on rank 0 of a group: makes what there is to make, or waits until another group has.

        Args:
            group: the name of its mailbox.

        Returns:
            Whether trials may begin; the driver ends the search if not.
        """
        while (state := self._get(_STATE)) is None:
            if self._is_made_by(group):
                self._make()
            else:
                time.sleep(_LOOK_EVERY_S)
        return state == _DONE

    def look(self, tell: Callable[[Any], None]) -> bool:
        """Called by the driver again and again: tells what is new; whether all is made.

        Raises:
            Exception: as it was raised where it was made.
        """
        state = self._get(_STATE)  # first, as what is told before the end is written before it
        for key in sorted(self._keys(_NEWS)):
            tell(pickle.loads(internal_kv._internal_kv_get(key, namespace=_TABLE) or b""))
            internal_kv._internal_kv_del(key, namespace=_TABLE)
        if state is not None and state != _DONE:
            raise pickle.loads(state)
        return state is not None

    def forget(self) -> None:
        """Called by the driver at the end: the cluster may live on."""
        for key in self._keys(""):
            internal_kv._internal_kv_del(key, namespace=_TABLE)

    def _is_made_by(self, group: str) -> bool:
        self._put(_MAKER, group.encode(), overwrite=False)
        maker = (self._get(_MAKER) or b"").decode()
        if maker != group:
            try:
                ray.get_actor(maker)
                return False
            except ValueError:  # it is gone; where two see that at a time, the store's lock lets one make it
                self._put(_MAKER, group.encode())
        return True

    def _make(self) -> None:
        try:
            if len(self._keys(_TRIES)) == _MOST_TRIES:
                raise FailureError(f"what trials share, such as the teacher, killed its worker {_MOST_TRIES} times")
            self._add(_TRIES, b"begun")
            pickle.loads(self.make)(lambda event: self._add(_NEWS, pickle.dumps(event)))
        except Exception as error:
            self._put(_STATE, _pickled(error))
        else:
            self._put(_STATE, _DONE)

    def _add(self, kind: str, value: bytes) -> None:
        self._put(f"{kind}/{time.time_ns():020d}", value)

    def _put(self, name: str, value: bytes, *, overwrite: bool = True) -> None:
        internal_kv._internal_kv_put(f"{self.key}/{name}", value, overwrite, namespace=_TABLE)

    def _get(self, name: str) -> bytes | None:
        return internal_kv._internal_kv_get(f"{self.key}/{name}", namespace=_TABLE)

    def _keys(self, kind: str) -> list[bytes]:
        return internal_kv._internal_kv_list(f"{self.key}/{kind}", namespace=_TABLE)


def _pickled(error: Exception) -> bytes:
    if not is_for_the_user(error):
        error.add_note(f"on the worker: {traceback.format_exc()}")
    try:
        return pickle.dumps(error)
    except Exception:  # not every exception can be pickled
        return pickle.dumps(RuntimeError(traceback.format_exc()))
