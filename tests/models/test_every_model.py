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
from raykd.protocols.model import ModelSpec
from raykd.testing import check_model

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
def test_a_model_keeps_its_promises(spec: Any):
    check_model(spec, IMAGE, num_classes=7)


@every_spec
def test_every_stage_falls_below_zero_before_its_relu(spec: Any):
    torch.manual_seed(0)
    outputs = spec.build(7, IMAGE).train()(torch.randn(2, *IMAGE))
    assert all(feature.min() < 0 for feature in outputs.before_relu)
