"""What every model promises; found by walking the package, so that a new file is tested with no edit."""

import dataclasses
import importlib
import inspect
import pkgutil
from collections.abc import Iterator
from typing import Any

import pytest
import torch

import raykd.models
from raykd.models.custom import check_cut
from raykd.models.staged import Staged, feature_shapes
from raykd.protocols.model import ModelSpec
from raykd.space.serialise import decode, encode

IMAGE = (3, 32, 32)


def specs() -> Iterator[Any]:
    for found in pkgutil.iter_modules(raykd.models.__path__):
        module = importlib.import_module(f"raykd.models.{found.name}")
        for _, cls in inspect.getmembers(module, inspect.isclass):
            own = cls.__module__ == module.__name__ and dataclasses.is_dataclass(cls)
            if own and hasattr(cls, "build") and isinstance(cls(), ModelSpec):
                yield pytest.param(cls(), id=f"{found.name}.{cls.__name__}")


every_spec = pytest.mark.parametrize("spec", list(specs()))


@every_spec
def test_a_spec_is_frozen_and_is_saved_in_a_recipe(spec: Any):
    assert decode(encode(spec)) == spec
    with pytest.raises(dataclasses.FrozenInstanceError):
        setattr(spec, dataclasses.fields(spec)[0].name, None)


@every_spec
def test_the_stages_compute_what_the_plain_network_computes(spec: Any):
    check_cut(_build(spec), IMAGE)


@every_spec
def test_shapes(spec: Any):
    network = _build(spec)
    outputs = network.eval()(torch.randn(2, *IMAGE))
    assert outputs.logits.shape == (2, 7)
    assert tuple(tuple(feature.shape[1:]) for feature in outputs.features) == feature_shapes(network, IMAGE)
    assert all(len(shape) in (1, 3) for shape in feature_shapes(network, IMAGE))


@every_spec
def test_a_step_of_training_leaves_the_features_alone_and_reaches_every_parameter(spec: Any):
    network = _build(spec).train()
    hidden = network.stem(torch.randn(2, *IMAGE))
    handed_out = []
    for index in range(network.num_stages):
        hidden = network.stage(index, hidden)
        handed_out.append((hidden, hidden.detach().clone()))
    loss = network.head(hidden).square().mean() + sum(feature.square().mean() for feature, _ in handed_out)
    loss.backward()
    assert all(torch.equal(feature, copy) for feature, copy in handed_out)
    without = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    assert without == []


@every_spec
def test_every_stage_falls_below_zero_before_its_relu(spec: Any):
    outputs = _build(spec).train()(torch.randn(2, *IMAGE))
    assert all(feature.min() < 0 for feature in outputs.before_relu)


@every_spec
def test_the_same_seed_gives_the_same_weights(spec: Any):
    states = [_build(spec).state_dict() for _ in range(2)]
    assert all(torch.equal(states[0][name], states[1][name]) for name in states[0])


def _build(spec: Any) -> Staged:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return spec.build(7, IMAGE)
