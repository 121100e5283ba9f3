"""The weights that timm has for its networks: found in the hub's cache or fetched from it once, read without code.

What the cache has is taken as it is, without asking the hub: so a machine without a network starts at once, and the
same name means the same weights from one run to the next. The hub is asked once whether it is there, since its own
client tries for 46 seconds to find out that it is not (huggingface_hub 2.4).
"""

import contextlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from torch import Tensor

from raykd.errors import InvalidError, UnreachableError, one_line
from raykd.models.tensor_names import fitted
from raykd.models.weights import load_weights

_PATIENCE_S = 10.0  # for the hub's first answer
_FILES = ("model.safetensors", "pytorch_model.bin")


def fetched(name: str, config: Any) -> Path:
    """The file of a network's weights.

    Args:
        name: of the network, with its tag, for the message.
        config: timm's `PretrainedCfg` of it.

    Raises:
        ConnectionError: it is not in the cache, and the hub does not answer.
    """
    if config.file:
        return Path(config.file)
    try:
        return Path(_from_hub(config) if config.hf_hub_id else _from_address(config.url))
    except Exception as error:  # what the hub's client raises is another library's own, and changes with its version
        where = config.hf_hub_id or config.url
        raise UnreachableError(
            f"the weights of timm's {name} are not in the cache of this machine, and {where} cannot be had: "
            f"{one_line(error)}; fetch them where there is a network, or give `weights` a file of them"
        ) from None


def load(
    make: Any, state: Mapping[str, Tensor], file: str | Path, name: str, config: Any, num_classes: int, own: bool
) -> Any:
    """A network with weights, fitted as timm fits them to its images' size and channels.

    Args:
        make: gives the network for a number of classes and timm's own options.
        state, file: the weights, and where they come from, for the message.
        name, config: as of `fetched`.
        num_classes: where the weights are for another number, the last layer starts afresh.
        own: whether the file is timm's own, whose last layer may have another name that timm knows.

    Raises:
        ValueError: they are another network's.
    """
    if not own:
        state = fitted(state, make(2).state_dict())
    classes = _num_classes(state, config, config.num_classes if own else 0)
    overlay = {"state_dict": dict(state), "num_classes": classes}
    try:
        network = make(classes, pretrained=True, pretrained_cfg_overlay=overlay)
    except InvalidError as error:
        load_weights(make(classes), state, file, name)  # says in a line what is missing
        raise InvalidError(f"{file} does not hold the weights of this {name}: {error}") from None
    network.pretrained_cfg.pop("state_dict")
    if classes != num_classes:
        network.reset_classifier(num_classes)
    return network


def _num_classes(state: Mapping[str, Tensor], config: Any, otherwise: int) -> int:
    """Of how many classes the weights are."""
    names = (config.classifier,) if isinstance(config.classifier, str) else config.classifier or ()
    found = [state[f"{name}.weight"].shape[0] for name in names if f"{name}.weight" in state]
    return found[0] if found else otherwise


def _from_hub(config: Any) -> str:
    """The file in the hub's cache, put there if it is not."""
    from huggingface_hub import get_hf_file_metadata, hf_hub_download, hf_hub_url
    from huggingface_hub.errors import EntryNotFoundError

    repository, _, revision = config.hf_hub_id.partition("@")
    where = {"repo_id": repository, "revision": revision or None}
    names = (config.hf_hub_filename,) if config.hf_hub_filename else _FILES
    for name in names:
        with contextlib.suppress(EntryNotFoundError):
            return hf_hub_download(**where, filename=name, local_files_only=True)
    for name in names:
        with contextlib.suppress(EntryNotFoundError):
            get_hf_file_metadata(hf_hub_url(**where, filename=name), timeout=_PATIENCE_S)
            return hf_hub_download(**where, filename=name)
    raise InvalidError(f"the repository holds no {' or '.join(names)}")


def _from_address(url: str) -> str:
    """The file in the folder of torch's hub, put there if it is not."""
    from timm.models._hub import download_cached_file

    return download_cached_file(url, check_hash=True)
