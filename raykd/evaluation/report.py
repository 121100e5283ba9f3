"""All measures of a trained student on a split, as one flat dictionary."""

import logging
from collections.abc import Callable, Collection, Iterator

import torch
from torch import Tensor

from raykd.data import Split
from raykd.data.dataset import Dataset
from raykd.errors import InvalidError
from raykd.errors import nearest as nearest_name
from raykd.evaluation.accuracy import accuracy, check_scores, top_k_accuracy
from raykd.evaluation.centroid import nearest_centroid_accuracy
from raykd.evaluation.embeddings import METRICS, Embeddings, embed
from raykd.evaluation.identification import identification_rate
from raykd.evaluation.probe import linear_probe_accuracy
from raykd.evaluation.retrieval import retrieve
from raykd.models.staged import Staged

_LOG = logging.getLogger(__name__)
MEASURES = ("accuracy", "retrieval", "centroid", "probe", "identification")
SPLITS = ("validation", "test")
_TOP = 5
_PRECISION_AT = 100


def evaluate(
    student: Staged,
    dataset: Dataset,
    *,
    split: str = "validation",
    measures: Collection[str] = (),
    held_out: Collection[int] = (),
    say: Callable[[str], None] = _LOG.info,
) -> dict[str, float]:
    """What a network is good for, each value in [0, 1].

    Names of the values: `top_1`, and `top_5` of more than 5 classes; `mean_average_precision/METRIC` and
    `precision_at_100/METRIC` (fewer, if the database has), each again with `/released` for the released code's
    count; `nearest_centroid/METRIC`; `linear_probe`; `identification/METRIC`. METRIC is `cosine` or `l2`.

    Args:
        student: on the data set's device.
        split: `validation` or `test`. Its images query the training images; those of the test split query training
            and validation images together, which is the papers' whole training set. Centroids and the probe learn
            from the training images alone; the probe's penalty is chosen on the validation images.
        measures: some of `MEASURES`; by default all but identification, and that too where classes are held out.
        held_out: the classes that identification takes its probes from; the split's other images are the
            distractors. By default those that the split has and the training images lack. Only if the student has
            not been trained on them does it say how well new classes are told apart.
        say: told in a line what is going on; the logger `raykd` by default.

    Raises:
        ValueError: an unknown split, measure or class; identification with nothing held out.
        RuntimeError: class scores that are no finite numbers.
    """
    if split not in SPLITS:
        raise InvalidError(f"unknown split {split!r}; choices: {', '.join(SPLITS)}")
    for measure in measures:
        if measure not in MEASURES:
            raise InvalidError(f"unknown measure {measure!r}; {nearest_name(measure, MEASURES)}")
    if held_out and measures and "identification" not in measures:
        raise InvalidError(f"classes are held out for identification alone, and asked for is {', '.join(measures)}")
    own = dataset.test if split == "test" else dataset.validation
    there, trained = set(own.labels.tolist()), set(dataset.train.labels.tolist())
    held_out = set(held_out) or there - trained
    if missing := held_out - there:
        raise InvalidError(f"held out: the {split} split has no images of class {', '.join(map(str, sorted(missing)))}")
    can_identify = bool(held_out) and held_out != there
    if "identification" in measures and not can_identify:
        raise InvalidError(
            "identification needs held-out classes to take its probes from, and others for the distractors; "
            f"the {split} split has {len(there)} classes, of which {len(held_out)} are held out"
        )
    wanted: set[str] = set(measures or MEASURES) - (set() if can_identify else {"identification"})
    if wanted != {"identification"} and not there & trained:
        raise InvalidError(f"the {split} split has no image of a class that the training images have")
    values = {}
    if "identification" in wanted:
        say("measuring: identification")
        values = _identification(embed(student, dataset, own), held_out)
    if wanted == {"identification"}:
        return values
    known = own if there <= trained else own.take(_places(own.labels, trained))
    return dict(_closed_set(student, dataset, known, split == "test", wanted, say)) | values


def _closed_set(
    student: Staged, dataset: Dataset, own: Split, is_test: bool, wanted: set[str], say: Callable[[str], None]
) -> Iterator[tuple[str, float]]:
    """The measures on images of classes that the training images have."""
    if "accuracy" in wanted:
        say("measuring: accuracy")
        yield "top_1", check_scores(accuracy(student, dataset, own), "the student")
        if dataset.num_classes > _TOP:
            yield "top_5", top_k_accuracy(student, dataset, own, _TOP)
    if not wanted & {"retrieval", "centroid", "probe"}:
        return
    say(f"measuring: embeddings of {len(dataset.train)} training images")
    train, images = embed(student, dataset, dataset.train), embed(student, dataset, own)
    validation = embed(student, dataset, dataset.validation) if is_test else images
    if "retrieval" in wanted:
        say("measuring: retrieval")
        yield from _retrieval(images, _joined(train, validation) if is_test else train, dataset.device)
    if "centroid" in wanted:
        say("measuring: nearest centroid")
        for metric in METRICS:
            yield f"nearest_centroid/{metric}", nearest_centroid_accuracy(*images, *train, metric)
    if "probe" in wanted:
        say("measuring: linear probe")
        yield (
            "linear_probe",
            linear_probe_accuracy(train, validation, images if is_test else None, device=dataset.device),
        )


def _identification(images: Embeddings, held_out: Collection[int]) -> dict[str, float]:
    places = _places(images.labels, held_out)
    is_distractor = torch.ones(len(images.labels), dtype=torch.bool)
    is_distractor[places] = False
    vectors, labels, distractors = images.vectors[places], images.labels[places], images.vectors[is_distractor]
    return {f"identification/{metric}": identification_rate(vectors, labels, distractors, metric) for metric in METRICS}


def _retrieval(images: Embeddings, database: Embeddings, device: torch.device) -> Iterator[tuple[str, float]]:
    k = min(_PRECISION_AT, len(database.labels))
    tensors = [tensor.to(device) for tensor in (*images, *database)]
    for metric in METRICS:
        found = retrieve(*tensors, metric=metric, k=k)
        yield f"mean_average_precision/{metric}", found.mean_average_precision
        yield f"mean_average_precision/{metric}/released", found.released_mean_average_precision
        yield f"precision_at_{k}/{metric}", found.precision
        yield f"precision_at_{k}/{metric}/released", found.released_precision


def _joined(one: Embeddings, other: Embeddings) -> Embeddings:
    return Embeddings(torch.cat([one.vectors, other.vectors]), torch.cat([one.labels, other.labels]))


def _places(labels: Tensor, classes: Collection[int]) -> Tensor:
    return torch.isin(labels.cpu(), torch.tensor(sorted(classes))).nonzero()[:, 0]
