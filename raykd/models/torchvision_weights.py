"""torchvision's published weights: from the folder of torch's hub, or else downloaded to it."""

import urllib.request
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor
from torchvision import models

from raykd.errors import UnreachableError, one_line

_PATIENCE_S = 10.0  # for the first answer: torch's own download would wait for it without end


def published(name: str) -> dict[str, Any]:
    """Torchvision's weights of a network, by their names."""
    return dict(models.get_model_weights(name).__members__)


def published_state(weights: Any, name: str) -> Mapping[str, Tensor]:
    """The state dict of weights that torchvision publishes.

    Args:
        weights: torchvision's enum of them.
        name: of the network, for the message.

    Raises:
        ConnectionError: they are not here, and the address does not answer.
    """
    file = Path(torch.hub.get_dir()) / "checkpoints" / weights.url.rpartition("/")[2]
    try:
        if not file.exists():
            urllib.request.urlopen(urllib.request.Request(weights.url, method="HEAD"), timeout=_PATIENCE_S).close()
        return weights.get_state_dict(check_hash=True, weights_only=True)
    except OSError as error:
        raise UnreachableError(
            f"the weights {weights.name} of torchvision's {name} are not in {file.parent}, and {weights.url} "
            f"cannot be had: {one_line(error)}; fetch them where there is a network, or give `weights` a file of them"
        ) from None
