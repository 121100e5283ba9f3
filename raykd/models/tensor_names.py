"""Names of tensors in files: what wrappers have put before and into them, and how they become a network's own.

DataParallel and DDP put `module.` before all names, Lightning `model.`, `AveragedModel` `module.` and a number beside
them, `torch.compile` `_orig_mod.` wherever a module was compiled, FSDP and activation checkpointing the like; in any
order, any number of times. OpenMMLab's classifiers are a `backbone.` and a `head.`.
"""

from collections.abc import Iterable, Iterator, Mapping
from typing import TypeVar

T = TypeVar("T")

_WITHIN = ("_orig_mod", "_fsdp_wrapped_module", "_checkpoint_wrapped_module")
_BEFORE = ("module.", "model.")
_COUNTERS = {"n_averaged", "steps"}  # of PyTorch's AveragedModel and of mmengine's, beside `module.`
_MADE_UP = "num_batches_tracked"  # PyTorch before 0.4.1 lacks it, and loading fills it in


def unwrapped(state: Mapping[str, T]) -> dict[str, T]:
    """The tensors by their names without those of wrappers."""
    state = {_without_inner(name): value for name, value in state.items()}
    while True:
        counted = {name for name in state if name in _COUNTERS}
        rest = [name for name in state if name not in counted]
        prefixes = ("module.",) if counted else _BEFORE
        prefix = next((each for each in prefixes if rest and all(name.startswith(each) for name in rest)), None)
        if prefix is None:
            return state
        state = {name.removeprefix(prefix): state[name] for name in rest}


def fitted(state: Mapping[str, T], own: Iterable[str]) -> dict[str, T]:
    """A file's tensors by the names of a network, where one rule gives all of them; else as they are.

    In this order: as they are; as they are, the network being a wrapped one itself; under a prefix that they have in
    the file, without what the file has elsewhere; as OpenMMLab's `backbone.` and `head.`.

    Args:
        own: the network's names.
    """
    own = list(own)
    for names in _in_file(state, own):
        if all(name in state or own_name.endswith(_MADE_UP) for own_name, name in names.items()):
            return {own_name: state[name] for own_name, name in names.items() if name in state}
    return dict(state)


def _in_file(state: Mapping[str, T], own: list[str]) -> Iterator[dict[str, str]]:
    """By the network's names those of the file, for one rule after another that would not lose a name."""
    if set(own) >= set(state):
        yield {name: name for name in own}
    bare = dict(zip(unwrapped(dict.fromkeys(own, 0)), own, strict=False))
    if list(bare) != own and len(bare) == len(own) and set(bare) >= set(state):
        yield {own_name: name for name, own_name in bare.items()}
    first = next(iter(own), "")
    prefixes = [name.removesuffix(first) for name in state if name.endswith(f".{first}")]
    whole = [each for each in prefixes if all(each + name in state for name in own if not name.endswith(_MADE_UP))]
    if len(whole) == 1:  # else nobody knows which of the networks is meant
        yield {name: whole[0] + name for name in own}
    if any(name.startswith("backbone.") for name in state):
        yield {name: f"head.{name}" if name.startswith("fc.") else f"backbone.{name}" for name in own}


def _without_inner(name: str) -> str:
    return ".".join(part for part in name.split(".") if part not in _WITHIN)
