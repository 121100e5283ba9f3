"""A trained student that stands alone: its network, and all that using it takes."""

from collections.abc import Mapping, Sequence
from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor, nn

from raykd.data.preparation import Picture, Preparation
from raykd.models.staged import Staged, evaluating
from raykd.protocols.model import ModelSpec


class Student(nn.Module):
    """A student, from `raykd.load_student`.

    Its `network` is the plain module; called, it gives class scores for images that `preparation` has normalised.

    Args:
        staged: the network, with weights.
        model: what it was built from.
        preparation: how a picture gets to it.
        classes: their names, by number.
        facts: what its file says beside that: the recipe, accuracies, versions; see `raykd.runs.student_file`.
    """

    def __init__(
        self,
        staged: Staged,
        model: ModelSpec,
        preparation: Preparation,
        classes: Sequence[str],
        facts: Mapping[str, Any],
    ):
        super().__init__()
        self.staged = staged
        self.model = model
        self.preparation = preparation
        self.classes = tuple(classes)
        self.facts = dict(facts)

    @property
    def network(self) -> nn.Module:
        """The plain module, which alone holds the parameters."""
        return self.staged.network

    @property
    def device(self) -> torch.device:
        return next((weight.device for weight in self.parameters()), torch.device("cpu"))

    def forward(self, images: Float[Tensor, "b c h w"]) -> Float[Tensor, "b classes"]:
        """Class scores of images as `preparation.normalise` gives them."""
        return self.staged(images).logits

    def predict(self, images: Sequence[Picture] | Tensor, batch_size: int = 64) -> Float[Tensor, "b classes"]:
        """Probabilities of the classes, on the CPU, each row adding up to 1.

        Args:
            images: paths, Pillow's pictures, or `torch.uint8` (B, C, H, W), 0 to 255, with 1 or 3 channels.
            batch_size: of what is computed at a time, and of the files that are open at a time.

        Raises:
            FileNotFoundError, ValueError: a file is not there, or is no picture; it is named.
        """
        found: list[Tensor] = []
        with evaluating(self), torch.inference_mode():
            for start in range(0, len(images), batch_size):
                batch = self.preparation.images(images[start : start + batch_size]).to(self.device)
                found.append(self(self.preparation.normalise(batch)).float().softmax(dim=1).cpu())
        return torch.cat(found).clone() if found else torch.empty(0, len(self.classes))
