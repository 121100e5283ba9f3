"""What the tests of the models share: listings of parameters, and what a stage hands out."""

import math
from typing import Any

import torch
from torch import Tensor

from raykd.models.staged import Staged

Listing = dict[str, tuple[int, ...]]


def parameters(network: Staged) -> Listing:
    """Name and shape of every parameter of the plain network."""
    return {name: tuple(value.shape) for name, value in network.network.named_parameters()}


def count(listing: Listing) -> int:
    """How many numbers the parameters of a listing are."""
    return sum(math.prod(shape) for shape in listing.values())


def convolution(name: str, before: int, after: int, size: int, groups: int = 1) -> Listing:
    """A convolution without bias."""
    return {f"{name}.weight": (after, before // groups, size, size)}


def norm(name: str, width: int) -> Listing:
    return {f"{name}.weight": (width,), f"{name}.bias": (width,)}


def linear(name: str, before: int, after: int) -> Listing:
    return {f"{name}.weight": (after, before), f"{name}.bias": (after,)}


def features(network: Staged, *image: int) -> tuple[tuple[Tensor, ...], Any, Tensor]:
    """The features of two random images in eval mode, the plain network, and the images."""
    images = torch.randn(2, *image, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        return network.eval()(images).features, network.network, images


def assert_close(got: tuple[Tensor, ...], expected: list[Tensor]) -> None:
    """Features equal what their definition gives."""
    for feature, value in zip(got, expected, strict=True):
        torch.testing.assert_close(feature, value, rtol=1e-4, atol=1e-5)


def perturb(network: Staged) -> Staged:
    """Moves every bias, scale and statistic, so that no normalisation is an identity any more."""
    stream = torch.Generator().manual_seed(1)
    with torch.no_grad():
        for value in network.network.state_dict().values():
            if value.is_floating_point() and value.ndim > 0 and value.numel() == len(value):
                value += 0.5 * torch.rand(value.shape, generator=stream)
    return network
