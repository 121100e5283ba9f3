"""Which students of other sizes are offered beside the one that was named."""

import dataclasses

import pytest

import tiny
from raykd.errors import InvalidError
from raykd.models.cifar_resnet import ResNet
from raykd.models.cnn import CNN
from raykd.models.torchvision import Torchvision
from raykd.planning.sizes import sizes_of
from raykd.protocols.model import ModelSpec
from raykd.recipe import Recipe


def found(recipe: Recipe, *others: ModelSpec) -> tuple[dict[str, ModelSpec], list[str]]:
    said = list[str]()
    sizes = sizes_of(recipe, others, said.append)
    assert list(sizes) == ["student"]
    return dict(sizes["student"]), said


def test_an_own_network_is_scaled_in_its_widths():
    students, said = found(tiny.recipe(student=CNN(widths=(4, 8))))
    assert [each.widths for each in students.values() if isinstance(each, CNN)] == [
        *((4, 8), (2, 4), (3, 6), (6, 12), (8, 16))
    ]
    assert said == [
        f"students: {', '.join(students)}; where they are larger than the first, it takes longer than was planned"
    ]
    thin, _ = found(tiny.recipe(student=CNN(widths=(1, 1))))
    assert all(min(each.widths) >= 1 for each in thin.values() if isinstance(each, CNN))


def test_a_resnet_keeps_its_depth():
    students, _ = found(tiny.recipe(student=ResNet(depth=8)))
    assert {each.depth for each in students.values() if isinstance(each, ResNet)} == {8}
    assert len(students) == 5


def test_a_library_network_has_the_nearest_of_its_family():
    data = tiny.TinyData(image=(3, 32, 32))
    students, _ = found(dataclasses.replace(tiny.recipe(student=Torchvision(name="resnet34", weights=None)), data=data))
    assert list(students) == ["resnet34", "resnet18", "resnet50", "resnet101"]


def test_those_that_were_named_are_the_only_ones():
    students, _ = found(tiny.recipe(student=CNN(widths=(4, 8))), CNN(widths=(5, 5)))
    assert list(students.values()) == [CNN(widths=(4, 8)), CNN(widths=(5, 5))]


def test_one_that_does_not_fit_is_left_out_with_the_reason():
    colour = Torchvision(name="resnet18", weights=None)  # and the images have one channel
    students, said = found(tiny.recipe(student=CNN(widths=(4, 8))), colour, CNN(widths=(5, 5)))
    assert list(students.values()) == [CNN(widths=(4, 8)), CNN(widths=(5, 5))]
    assert said[0].startswith("left out: the student resnet18: torchvision's networks take images of 3 channels")


def test_where_there_is_no_other_it_is_said_what_to_type():
    with pytest.raises(InvalidError, match=r"none is known that is like TinyNet.*; name some more .*: --student A,B,C"):
        found(tiny.recipe(student=tiny.TinyNet()))
