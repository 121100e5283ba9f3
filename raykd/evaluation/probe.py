"""The linear probe: a linear classifier on frozen embeddings, whose accuracy says how much of the classes is in them.

Multinomial logistic regression on embeddings brought to mean 0 and deviation 1 over the training images,

    mean over images of -log softmax(W x + b)_y + l2 / 2 |W|^2,

minimised by L-BFGS over all images at once in double precision, from zeros: nothing is drawn, so that it repeats.
Each penalty goes on from the one before, strong to weak; the one with the best validation accuracy is taken, the
strongest of several.
"""

import torch
from jaxtyping import Float, Float64, Int64
from torch import Tensor
from torch.nn import functional as F

from raykd.evaluation.embeddings import Embeddings

PENALTIES = (1.0, 1e-1, 1e-2, 1e-3, 1e-4, 1e-5)
_ITERATIONS = 200


def linear_probe_accuracy(
    train: Embeddings,
    validation: Embeddings,
    test: Embeddings | None = None,
    *,
    penalties: tuple[float, ...] = PENALTIES,
    device: torch.device | None = None,
) -> float:
    """The share of test embeddings that a linear classifier trained on `train` gets right, in [0, 1].

    Args:
        validation: what the penalty is chosen on.
        test: None gives the accuracy on `validation`, which is a little too good, having chosen the penalty.
        penalties: l2, strong to weak.
        device: where to compute; by default where the training embeddings are.
    """
    device = device or train.vectors.device
    mean = train.vectors.double().mean(dim=0)
    deviation = train.vectors.double().std(dim=0, correction=0)
    scale = torch.where(deviation > 0, deviation, 1.0)

    def prepared(embeddings: Embeddings) -> tuple[Tensor, Tensor]:
        inputs = ((embeddings.vectors.double() - mean) / scale).to(device)
        return F.pad(inputs, (0, 1), value=1.0), embeddings.labels.to(device)

    seen, chosen_on = prepared(train), prepared(validation)
    num_classes = int(torch.cat([each.labels.cpu() for each in (train, validation, test) if each]).max()) + 1
    weights = torch.zeros(seen[0].shape[1], num_classes, dtype=torch.float64, device=device)
    best, chosen = -1.0, weights
    for l2 in penalties:
        weights = fit(*seen, l2, weights)
        right = _accuracy(*chosen_on, weights)
        if right > best:
            best, chosen = right, weights
    return best if test is None else _accuracy(*prepared(test), chosen)


def fit(
    inputs: Float64[Tensor, "n d"], labels: Int64[Tensor, "n"], l2: float, start: Float64[Tensor, "d classes"]
) -> Float64[Tensor, "d classes"]:
    """The weights that minimise the penalised loss; those of the last input, which is 1, bear no penalty."""
    weights = start.clone().requires_grad_()
    optimiser = torch.optim.LBFGS(
        [weights], max_iter=_ITERATIONS, tolerance_grad=1e-7, tolerance_change=1e-12, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        optimiser.zero_grad()
        loss = F.cross_entropy(inputs @ weights, labels) + l2 / 2 * weights[:-1].square().sum()
        loss.backward()
        return loss

    with torch.enable_grad():
        optimiser.step(closure)  # pyright: ignore[reportArgumentType]
    return weights.detach()


def _accuracy(inputs: Float[Tensor, "n d"], labels: Int64[Tensor, "n"], weights: Float[Tensor, "d classes"]) -> float:
    return ((inputs @ weights).argmax(dim=1) == labels).double().mean().item()
