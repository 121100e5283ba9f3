"""The report over a student: which measures it has, on which images, and what it refuses."""

from dataclasses import replace

import pytest
import torch

from raykd.data import Split
from raykd.data.dataset import Dataset
from raykd.evaluation import MEASURES, evaluate
from raykd.evaluation.accuracy import accuracy, top_k_accuracy
from raykd.evaluation.centroid import nearest_centroid_accuracy
from raykd.evaluation.embeddings import embed
from raykd.evaluation.identification import identification_rate
from raykd.evaluation.probe import linear_probe_accuracy
from raykd.evaluation.retrieval import retrieve
from tiny import IMAGE, TinyNet, dataset, network, same_weights

BY_METRIC = [
    f"{name}/{metric}" for metric in ("cosine", "l2") for name in ("mean_average_precision", "precision_at_24")
]
RETRIEVAL = {name + end for name in BY_METRIC for end in ("", "/released")}
CENTROID = {"nearest_centroid/cosine", "nearest_centroid/l2"}
IDENTIFICATION = {"identification/cosine", "identification/l2"}


def classes(labels: torch.Tensor, *wanted: int) -> torch.Tensor:
    return torch.isin(labels, torch.tensor(wanted))


def test_on_the_validation_split():
    data, student = dataset(), network()
    train, validation = embed(student, data, data.train), embed(student, data, data.validation)
    expected = {
        "top_1": accuracy(student, data, data.validation),
        "linear_probe": linear_probe_accuracy(train, validation),
    }
    for metric in ("cosine", "l2"):
        found = retrieve(*validation, *train, metric, k=24)  # the whole database, which has fewer than 100
        expected |= {
            f"mean_average_precision/{metric}": found.mean_average_precision,
            f"mean_average_precision/{metric}/released": found.released_mean_average_precision,
            f"precision_at_24/{metric}": found.precision,
            f"precision_at_24/{metric}/released": found.released_precision,
            f"nearest_centroid/{metric}": nearest_centroid_accuracy(*validation, *train, metric),
        }
    assert evaluate(student, data) == expected


def test_the_test_split_queries_training_and_validation_images_and_the_rest_learns_from_the_training_images():
    data, student = dataset(), network()
    train, validation, test = (embed(student, data, split) for split in (data.train, data.validation, data.test))
    found = evaluate(student, data, split="test")
    database = embed(student, data, data.train, data.validation)
    assert found["mean_average_precision/l2"] == retrieve(*test, *database, "l2", k=1).mean_average_precision
    assert "precision_at_33/l2" in found
    assert found["top_1"] == accuracy(student, data, data.test)
    assert found["nearest_centroid/l2"] == nearest_centroid_accuracy(*test, *train, "l2")
    assert found["linear_probe"] == linear_probe_accuracy(train, validation, test)


@pytest.mark.parametrize(
    ("measures", "names"),
    [
        (["accuracy"], {"top_1"}),
        (["retrieval"], RETRIEVAL),
        (["centroid", "accuracy"], CENTROID | {"top_1"}),
        (["probe"], {"linear_probe"}),
        ([], RETRIEVAL | CENTROID | {"top_1", "linear_probe"}),
    ],
)
def test_gives_what_is_asked_for(measures: list[str], names: set[str]):
    assert evaluate(network(), dataset(), measures=measures).keys() == names


def test_the_five_highest_scores_count_where_there_are_more_classes():
    data = dataset(num_images=60, num_classes=7)
    student = network_of(7)
    found = evaluate(student, data, measures=["accuracy"])
    assert found == {
        "top_1": accuracy(student, data, data.validation),
        "top_5": top_k_accuracy(student, data, data.validation, 5),
    }
    assert set(evaluate(network_of(5), dataset(num_classes=5), measures=["accuracy"])) == {"top_1"}


def network_of(num_classes: int):
    return TinyNet().build(num_classes, IMAGE)


def test_identification_takes_its_probes_from_the_held_out_classes():
    data, student = dataset(), network()
    images = embed(student, data, data.validation)
    is_probe = classes(images.labels, 1)
    found = evaluate(student, data, measures=["identification"], held_out=[1])
    assert found.keys() == IDENTIFICATION
    probes = (images.vectors[is_probe], images.labels[is_probe], images.vectors[~is_probe])
    assert found["identification/l2"] == identification_rate(*probes, "l2")
    assert set(evaluate(student, data, held_out=[1])) == set(evaluate(student, data)) | IDENTIFICATION


def without(data: Dataset, *held_out: int) -> Dataset:
    """The data set whose training and validation images have none of these classes."""

    def rest(split: Split) -> Split:
        return split.take((~classes(split.labels, *held_out)).nonzero()[:, 0])

    return replace(data, train=rest(data.train), validation=rest(data.validation))


def test_classes_that_were_never_trained_on_are_held_out_and_count_for_nothing_else():
    whole, student = dataset(), network()
    data = without(whole, 2)
    found = evaluate(student, data, split="test")
    known = without(replace(whole, train=whole.test), 2).train
    assert len(known) < len(data.test)
    assert found["top_1"] == accuracy(student, data, known)
    assert found.items() >= evaluate(student, data, split="test", measures=["identification"], held_out=[2]).items()
    assert found.keys() >= IDENTIFICATION | CENTROID
    assert not evaluate(student, data).keys() & IDENTIFICATION  # the validation split has no such classes


def test_refuses_a_split_of_which_no_class_was_trained_on():
    whole = dataset()
    data = replace(without(whole, 2), test=whole.test.take(classes(whole.test.labels, 2).nonzero()[:, 0]))
    with pytest.raises(ValueError, match="the test split has no image of a class that the training images have"):
        evaluate(network(), data, split="test")


def test_the_student_is_left_as_it_was():
    data, student = dataset(), network().train()
    before = {name: value.clone() for name, value in student.state_dict().items()}
    first = evaluate(student, data, held_out=[0])
    assert all(module.training for module in student.modules())
    assert same_weights(student.state_dict(), before)
    assert evaluate(student, data, held_out=[0]) == first


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"split": "train"}, "unknown split 'train'; choices: validation, test"),
        ({"measures": ["retreival"]}, "unknown measure 'retreival'; did you mean retrieval"),
        ({"held_out": [1, 5, 4]}, "held out: the validation split has no images of class 4, 5"),
        ({"measures": ["identification"]}, "the validation split has 3 classes, of which 0 are held out"),
        ({"measures": ["identification"], "held_out": [0, 1, 2]}, "has 3 classes, of which 3 are held out"),
        ({"measures": ["probe"], "held_out": [0]}, "held out for identification alone, and asked for is probe"),
    ],
)
def test_refuses_before_any_work(options: dict, message: str):
    said: list[str] = []
    with pytest.raises(ValueError, match=message):
        evaluate(network(), dataset(), **options, say=said.append)
    assert said == []


def test_every_measure_can_be_asked_for_alone():
    for measure in MEASURES:
        held_out = [1] if measure == "identification" else []
        assert evaluate(network(), dataset(), measures=[measure], held_out=held_out)
