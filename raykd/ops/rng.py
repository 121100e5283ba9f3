"""Randomness as a pure function of what it is for, so that a run repeats bit for bit and resumes anywhere.

Nothing in raykd draws from a global generator. A stream of random numbers is named by its parts, such as
`("order", seed, epoch)`, and the number of one image in one epoch by a counter, so that it depends neither on
the batch the image stands in, nor on the number of processes, nor on what was drawn before.
"""

import hashlib

import torch
from jaxtyping import Float64, Int64
from torch import Tensor

_GOLDEN = -7046029254386353131  # 0x9E3779B97F4A7C15 as a signed 64-bit number: splitmix64's increment


def seed_of(*parts: object) -> int:
    """A seed in [0, 2**63) from any printable parts; equal parts give equal seeds on every machine."""
    digest = hashlib.sha256(repr(parts).encode()).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def generator(*parts: object) -> torch.Generator:
    """A CPU generator seeded by `seed_of(*parts)`."""
    return torch.Generator().manual_seed(seed_of(*parts))


def integers(counters: Int64[Tensor, "n"], bound: int, *parts: object) -> Int64[Tensor, "n"]:
    """One integer in [0, bound) for each counter, uniform for bounds far below 2**31.

    Computed on the device of `counters` by the splitmix64 hash, so that neither order nor grouping matters.
    """
    mixed = counters * _GOLDEN + seed_of(*parts)
    mixed = (mixed ^ _shift_right(mixed, 30)) * -4658895280553007687  # 0xBF58476D1CE4E5B9
    mixed = (mixed ^ _shift_right(mixed, 27)) * -7723592293110705685  # 0x94D049BB133111EB
    mixed = mixed ^ _shift_right(mixed, 31)
    return _shift_right(mixed, 33) % bound


def uniforms(counters: Int64[Tensor, "n"], *parts: object) -> Float64[Tensor, "n"]:
    """One number in [0, 1) for each counter, a multiple of 2**-30."""
    return integers(counters, 2**30, *parts).double() / 2**30


def _shift_right(values: Tensor, bits: int) -> Tensor:
    return (values >> bits) & ((1 << (64 - bits)) - 1)
