"""KL divergence between two softmaxes over many words, value and gradient in one pass over chunks of places.

    p(k|n) = softmax_k(other_n . slope_k + offset_k)
    q(k|n) = softmax_k(own_n . row_k)
    L = mean over n of KL(p || q), in nats

Autograd would keep a score of every word at every place several times over: 64 MiB each for a batch of 64, 8 x 8
places and 4,096 words, more than a cache and, on CPUs, more time in getting memory than in products. As L is a
scalar, and its gradient by the scores of q is (q - p) / places, both gradients are added up as the chunks pass by,
and nothing of the size of the scores outlives its chunk.
"""

from typing import Any

import torch
from jaxtyping import Float
from torch import Tensor

from raykd.ops.vectors import full

# Scores in a chunk, of which four tensors are held. On a CPU 2**21 took the least time of 2**19 to 2**22 for 4,096
# words; a GPU pays for each kernel of a chunk, so that it takes more (not measured). Fixed, so that sums are taken in
# the same order in every step and a run repeats bit for bit.
_ON_CPU, _ELSEWHERE = 2**21, 2**24


def mean_divergence(
    own: Float[Tensor, "n d"],
    rows: Float[Tensor, "k d"],
    other: Float[Tensor, "n c"],
    slopes: Float[Tensor, "k c"],
    offsets: Float[Tensor, "k"],
    *,
    at_once: int | None = None,
) -> Float[Tensor, ""]:
    """L of the file's docstring, in float32 at least, whatever autocast says.

    Gradients reach `own` and `rows` alone, and have none of their own.

    Args:
        at_once: how many scores a chunk has; by default what suits the device.

    Raises:
        RuntimeError: in the backward pass, where a gradient of the gradient is asked for (`create_graph=True`).
    """
    at_once = at_once or (_ON_CPU if own.device.type == "cpu" else _ELSEWHERE)
    with torch.autocast(own.device.type, enabled=False):
        values = (full(tensor) for tensor in (own, rows, other, slopes, offsets))
        return _MeanDivergence.apply(*values, max(at_once // len(rows), 1))  # pyright: ignore[reportReturnType]


class _MeanDivergence(torch.autograd.Function):
    """The loss, with its gradients, if anybody asks for them, made on the way forward."""

    @staticmethod
    def forward(
        ctx: Any, own: Tensor, rows: Tensor, other: Tensor, slopes: Tensor, offsets: Tensor, chunk: int
    ) -> Tensor:
        asked = any(ctx.needs_input_grad)
        total, to_own, to_rows = own.new_zeros(()), torch.empty_like(own), torch.zeros_like(rows)
        held = own.new_empty(4, min(chunk, len(own)), len(rows))
        for begin in range(0, len(own), chunk):
            part = slice(begin, begin + chunk)
            wanted, predicted, p, q = held[:, : len(own[part])]
            torch.addmm(offsets, other[part], slopes.T, out=wanted)
            torch.mm(own[part], rows.T, out=predicted)
            torch.softmax(wanted, dim=1, out=p)
            torch.softmax(predicted, dim=1, out=q)
            shift = _log_normaliser(wanted, p) - _log_normaliser(predicted, q)
            total += wanted.sub_(predicted).sub_(shift).mul_(p).sum()
            if asked:
                to_scores = q.sub_(p)
                torch.mm(to_scores, rows, out=to_own[part])
                to_rows.addmm_(to_scores.T, own[part])
        if asked:
            ctx.save_for_backward(to_own.div_(len(own)), to_rows.div_(len(own)))
        return total / len(own)

    @staticmethod
    def backward(ctx: Any, *grad_outputs: Tensor) -> tuple[Tensor | None, ...]:
        # PyTorch's `once_differentiable` lets a second gradient pass, and wrong, where the one that comes is constant.
        if torch.is_grad_enabled():
            raise RuntimeError("mean_divergence has no second gradient: ask for the first without create_graph")
        (gradient,) = grad_outputs
        to_own, to_rows = ctx.saved_tensors
        return gradient * to_own, gradient * to_rows, None, None, None, None


def _log_normaliser(scores: Float[Tensor, "n k"], softmax: Float[Tensor, "n k"]) -> Float[Tensor, "n 1"]:
    """Log sum exp(scores), read off the likeliest word, whose share is at least 1 / k.

    The exponential of a logarithm of a softmax, the usual way, takes up to eight times as long where it underflows, as
    it does for most words at a low temperature.
    """
    return scores.amax(dim=1, keepdim=True) - softmax.amax(dim=1, keepdim=True).log()
