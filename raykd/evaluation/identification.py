"""Open-set identification at rank 1 among distractors: MegaFace's protocol (arXiv 1512.00596), on which RCO is judged.

A probe is an image of a class that nobody trained on. The gallery holds one other image of its class, the mate, and
the distractors, images of other classes. The probe is identified if its mate is nearer than every distractor. Every
ordered pair of a class's images is a probe and its mate once. Left out: the clean-up of labels that such benchmarks
of faces apply, and ranks beyond the first.
"""

import numpy as np
from jaxtyping import Float, Float64, Int64
from torch import Tensor

from raykd.errors import InvalidError
from raykd.evaluation.embeddings import comparable
from raykd.evaluation.neighbours import nearest


def identification_rate(
    vectors: Float[Tensor, "n d"],
    labels: Int64[Tensor, "n"],
    distractors: Float[Tensor, "m d"],
    metric: str = "cosine",
) -> float:
    """The share of pairs of probe and mate that are identified at rank 1, in [0, 1].

    Args:
        vectors, labels: of the images of held-out classes, each of which is probe and mate in turn.
        distractors: images of other classes; how many there are decides how hard it is.
        metric: `cosine` or `l2`.

    Raises:
        ValueError: no class has two images, or there is no distractor.
    """
    if not len(distractors):
        raise InvalidError("identification needs at least one distractor, got none")
    rivals = comparable(distractors[nearest(vectors, distractors, metric)], metric).double().cpu().numpy()
    probes, classes = comparable(vectors, metric).double().cpu().numpy(), labels.cpu().numpy()
    identified = pairs = 0
    for place, probe in enumerate(probes):
        is_mate = classes == classes[place]
        is_mate[place] = False
        # mates and rival by the same sum, so that equal embeddings are equally near to the last bit
        distances = _distances(probe, np.concatenate([probes[is_mate], rivals[place][None]]), metric)
        identified += int((distances[:-1] < distances[-1]).sum())
        pairs += len(distances) - 1
    if not pairs:
        raise InvalidError("identification needs a held-out class with at least two images, got none")
    return identified / pairs


def _distances(
    probe: Float64[np.ndarray, "d"], others: Float64[np.ndarray, "n d"], metric: str
) -> Float64[np.ndarray, "n"]:
    return -(others * probe).sum(axis=1) if metric == "cosine" else np.square(others - probe).sum(axis=1)
