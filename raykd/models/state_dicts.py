"""Finds the state dicts in what a file holds, and says which of them its maker would evaluate.

A state dict maps names to tensors: more than half of its entries are tensors or NumPy arrays, and one of them is no
single number. So it is told by what it is, not by its key: `{"model": "resnet18", "state_dict": ...}` holds one. A
whole pickled network counts, too, as the tensors of its modules. What lies under the keys of optimisers, schedules and
the like is left aside.

Where there are averaged weights (EMA, SWA) beside plain ones with the same names, the averaged ones are taken: that is
what timm's `load_checkpoint`, torchvision's references and Ultralytics evaluate. mmengine swaps the two when it saves:
there `state_dict` has the average.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias

from torch import Tensor

from raykd.errors import InvalidError
from raykd.models.pickled_values import as_tensor, is_network, is_tensor, size, state_of_network
from raykd.models.tensor_names import unwrapped
from raykd.storage.stand_ins import StandIn

State: TypeAlias = dict[str, Tensor]

# Keys that state dicts lie under, the likelier first.
_USUAL = ("model", "state_dict", "model_state_dict", "net", "module", "model_state", "network", "net_state_dict")
_USUAL += ("weights", "params")
_BESIDE = re.compile(
    r"opt(im|_|$)|.*optimi[sz]er|.*sched|lr_|.*scaler|amp|callbacks|loops|rng|random|hyper_param|message_hub"
)
_AVERAGED = re.compile(r"(^|.*_)(ema|swa)(_|$)|.*averag")
_DEEPEST = 3  # keys


@dataclass(frozen=True)
class Chosen:
    """A state dict of a file.

    Args:
        key: where it lies, such as `state_dict_ema`; empty where the file is the state dict.
        state: its tensors by their names in the file.
        passed_over: keys of the plain or averaged weights that might have been meant, and were not asked for.
    """

    key: str
    state: State
    passed_over: tuple[str, ...] = ()


def choose(content: Any, key: str | None = None) -> Chosen:
    """The state dict that is asked for, or the one that the file's maker would evaluate.

    Args:
        content: what the file holds.
        key: its key, or any of the keys that it lies under, the last one by itself too.

    Raises:
        ValueError: there is none, or several and none of a usual key, in words to which the subject is missing.
    """
    found = _state_dicts(content)
    if not found:
        raise InvalidError(f"must hold a state dict, by itself or under a key; it holds {_held(content)}")
    if key is not None:
        return _asked_for(found, key)
    swapped = isinstance(content, Mapping) and "message_hub" in content  # as mmengine's runner saves
    averaged = [] if swapped else [path for path in found if any(_AVERAGED.match(part.lower()) for part in path)]
    plain = [path for path in found if path not in averaged]
    best = _first(plain or averaged)
    if not averaged or not plain:
        student = _under(found[best], "student")  # of a whole run of mdistiller, what the run has made
        return Chosen(_joined((*best, "student") if student else best), student or found[best])
    if same := [path for path in averaged if _names(found[path]) == _names(found[best])]:
        return Chosen(_joined(same[0]), found[same[0]], (_joined(best),))
    return Chosen(_joined(best), found[best], tuple(map(_joined, averaged)))


_Path: TypeAlias = tuple[str, ...]


def _asked_for(found: dict[_Path, State], key: str) -> Chosen:
    fitting = [path for path in found if _joined(path) == key] or [path for path in found if key in path]
    within = {path: group for path, state in found.items() if (group := _under(state, key))}
    chosen = {path: found[path] for path in fitting} or {(*path, key): group for path, group in within.items()}
    if len(chosen) == 1:
        ((path, state),) = chosen.items()
        return Chosen(_joined(path), state)
    held = ", ".join(_joined(path) for path in found if path)
    there = f"its state dicts are {held}" if held else "it is a state dict by itself"
    raise InvalidError(f"holds {'several state dicts' if chosen else 'no state dict'} under the key {key!r}; {there}")


def _first(paths: list[_Path]) -> _Path:
    """The one of the fewest keys and the most usual last one."""
    ranks = {path: (len(path), _usual(path)) for path in paths}
    best = min(ranks.values())
    first = [path for path, rank in ranks.items() if rank == best]
    if len(first) > 1:
        held = ", ".join(map(_joined, first))
        raise InvalidError(f"holds {len(first)} state dicts, {held}; choose one of them by its key")
    return first[0]


def _usual(path: _Path) -> int:
    return _USUAL.index(path[-1]) if path and path[-1] in _USUAL else len(_USUAL)


def _state_dicts(content: Any) -> dict[_Path, State]:
    """All that are found, those of the fewest keys first."""
    found: dict[_Path, State] = {}
    level: list[tuple[_Path, Any]] = [((), content)]
    for _ in range(_DEEPEST + 1):
        below: list[tuple[_Path, Any]] = []
        for path, value in level:
            if (state := _state(value)) is not None:
                found |= {(*path, *part): each for part, each in _parts(state).items()}
            elif isinstance(value, Mapping):
                children = ((key, child) for key, child in value.items() if isinstance(key, str))
                below += [((*path, key), child) for key, child in children if not _BESIDE.match(key.lower())]
        level = below
    return found


def _state(value: Any) -> State | None:
    """The tensors of a state dict or of a pickled network; None for anything else."""
    if is_network(value):
        return state_of_network(value) or None
    if not isinstance(value, Mapping) or any(_is_state(value[key]) for key in _USUAL if key in value):
        return None
    return {name: as_tensor(each) for name, each in value.items() if is_tensor(each)} if _is_state(value) else None


def _is_state(value: Any) -> bool:
    if not isinstance(value, Mapping) or not all(isinstance(name, str) for name in value):
        return False
    sizes = [size(each) for each in value.values() if is_tensor(each)]
    return 2 * len(sizes) > len(value) and max(sizes) > 1


def _parts(state: State) -> dict[_Path, State]:
    """The networks in one state dict: averaged weights beside plain ones, most of it; else it is one."""
    heads = {name.partition(".")[0] for name in unwrapped(state)}
    groups = {head: group for head in sorted(heads) if (group := _under(state, head))}
    names = {head: _names(group) for head, group in groups.items()}
    averaged = [head for head in groups if _AVERAGED.match(head.lower())]
    both = [head for head in groups if any(names[head] == names[each] for each in averaged)]
    most = 2 * sum(len(groups[head]) for head in both) > len(state)
    return {(head,): groups[head] for head in both} if most and len(both) > len(averaged) else {(): state}


def _under(state: State, head: str) -> State:
    """The tensors under a first name, without it."""
    inner = unwrapped(state)
    return {name.removeprefix(f"{head}."): inner[name] for name in inner if name.startswith(f"{head}.")}


def _names(state: State) -> set[str]:
    return set(unwrapped(state))


def _joined(path: _Path) -> str:
    return ".".join(path)


def _held(content: Any) -> str:
    if not isinstance(content, Mapping):
        return f"a {type(content).__name__}"
    keys = [str(key) for key in content if not isinstance(key, StandIn)]
    return ", ".join(keys[:5]) + (f" and {len(keys) - 5} more" if len(keys) > 5 else "") or "nothing"
