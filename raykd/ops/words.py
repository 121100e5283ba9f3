"""Visual words: how much a place belongs to each, which one is predicted there, and how far the two are apart.

These are QUEST's lines as they are read (`methods/quest.py`). What a training step computes is
`ops/divergence.py: mean_divergence` of a `LinearAssignment`, the same number without a tensor of all scores.
"""

from typing import NamedTuple

from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from raykd.ops.maps import places
from raykd.ops.vectors import directions, products, squared_distances


def assign_words(
    features: Float[Tensor, "b c h w"], words: Float[Tensor, "k c"], temperature: float
) -> Float[Tensor, "b h w k"]:
    """How much each place of a map belongs to each word: softmax(-squared distance / temperature), in float32."""
    distances = squared_distances(places(features), words)
    return F.softmax(-distances / temperature, dim=1).unflatten(0, features[:, 0].shape)


def predict_words(
    features: Float[Tensor, "b c h w"], weight: Float[Tensor, "k c"], scale: float | Float[Tensor, ""]
) -> Float[Tensor, "b h w k"]:
    """The score of each word at each place: scale times the cosine of the features and the word's weight."""
    cosines = products(directions(places(features), 1e-12), directions(weight, 1e-12))
    return scale * cosines.unflatten(0, features[:, 0].shape)


def quest_loss(scores: Float[Tensor, "b h w k"], assignment: Float[Tensor, "b h w k"]) -> Float[Tensor, ""]:
    """KL(assignment || softmax(scores)) in nats, summed over words, averaged over batch and places."""
    predicted = F.log_softmax(scores, dim=3).flatten(0, 2)
    return F.kl_div(predicted, assignment.detach().flatten(0, 2), reduction="batchmean")


class LinearAssignment(NamedTuple):
    """`assign_words` as the softmax of slopes . (features - centre) + offsets: all that is the same in every step.

    In -|f - v|^2 / temperature the square of f is the same for all words, and their softmax does not change without
    it. Words and features are moved by the words' mean first, for the reason that `squared_distances` states.
    """

    centre: Float[Tensor, "c"]
    slopes: Float[Tensor, "k c"]
    offsets: Float[Tensor, "k"]

    @classmethod
    def of(cls, words: Float[Tensor, "k c"], temperature: float) -> "LinearAssignment":
        centre = words.mean(dim=0)
        moved = words - centre
        return cls(centre, 2.0 / temperature * moved, -moved.square().sum(dim=1) / temperature)
