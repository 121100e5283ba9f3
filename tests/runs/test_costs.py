"""What students cost: measured, written, read, and refused where it is of another study."""

import dataclasses
import json
from pathlib import Path

import pytest
import torch

import tiny
from raykd.errors import InvalidError, MissingError
from raykd.models.cnn import CNN
from raykd.runs.costs import Costs, costs_for, measure, read_costs, save_costs
from raykd.studies.sizes import aimed
from raykd.studies.study import Study

THIN = CNN(widths=(2, 3))
STUDY = aimed(Study(recipe=tiny.recipe(), sizes={"student": {"own": tiny.STUDENT, "thin": THIN}}), "latency")


@pytest.fixture(scope="module")
def costs() -> Costs:
    return measure(STUDY, (1,), torch.device("cpu"))


def test_every_student_is_counted_and_timed(costs: Costs):
    assert sorted(costs.words.values()) == ["own", "thin"]
    # A 3x3 convolution of 1 to 2 channels, its normalisation, one of 2 to 3, its, and 3 numbers to 3 classes.
    assert costs.of(THIN).parameters == (18 + 4) + (54 + 6) + (9 + 3)
    assert costs.of(THIN).multiply_adds == 18 * 64 + 54 * 16 + 9
    low, high = costs.of(THIN).quartiles_ms[1]
    assert 0 < low <= costs.of(THIN).latency_ms[1] <= high


def test_a_file_is_read_as_it_was_written(costs: Costs, tmp_path: Path):
    save_costs(costs, tmp_path / "costs.json")
    assert read_costs(tmp_path / "costs.json") == dataclasses.replace(costs, load=round(costs.load, 2))


def test_a_given_file_is_taken_in_the_place_of_measuring(costs: Costs, tmp_path: Path):
    save_costs(costs, tmp_path / "costs.json")
    found = costs_for(STUDY, tmp_path / "costs.json", lambda line: pytest.fail(line))
    assert found is not None and found.students == costs.students


def test_a_file_that_does_not_do_is_refused_in_a_line(costs: Costs, tmp_path: Path):
    file = tmp_path / "costs.json"
    save_costs(costs, file)
    with pytest.raises(InvalidError, match=r"it has no time of a batch of 64"):
        costs_for(dataclasses.replace(STUDY, pareto="latency_64"), file, print)
    other = Study(recipe=tiny.recipe(), sizes={"student": {"own": tiny.STUDENT, "wide": CNN(widths=(8, 9))}})
    with pytest.raises(InvalidError, match=r"it lacks the student wide"):
        costs_for(aimed(other, "parameters"), file, print)
    data = dataclasses.replace(STUDY.recipe, data=tiny.TinyData(num_classes=4))
    with pytest.raises(InvalidError, match=r"images \(1, 8, 8\) of 3 classes, and the study has .* of 4 classes"):
        costs_for(dataclasses.replace(STUDY, recipe=data), file, print)
    with pytest.raises(InvalidError, match=r"give pareto too"):
        costs_for(Study(recipe=tiny.recipe()), file, print)
    with pytest.raises(MissingError, match=r"raykd measure writes one"):
        read_costs(tmp_path / "none.json")
    for text in ("[]", "no JSON", json.dumps({"format": 1})):
        file.write_text(text)
        with pytest.raises(InvalidError, match=r"is no file of raykd measure"):
            read_costs(file)
    file.write_text(json.dumps({"format": 2}))
    with pytest.raises(InvalidError, match=r"has format 2"):
        read_costs(file)
