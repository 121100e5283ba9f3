"""Randomness depends on what it is for, and on nothing else."""

import hashlib

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from raykd.ops import rng
from raykd.ops.rng import generator, integers, seed_of, uniforms

# The first outputs of splitmix64 from the seed 1234567, as published with its reference implementation.
SPLITMIX64 = [6457827717110365317, 3203168211198807973, 9817491932198370423, 4593380528125082431, 16408922859458223821]


def test_integers_are_the_top_31_bits_of_splitmix64(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(rng, "seed_of", lambda *parts: 1234567)
    drawn = integers(torch.arange(1, 6), 2**31)
    assert drawn.tolist() == [value >> 33 for value in SPLITMIX64]


@given(st.permutations(range(40)), st.integers(1, 40))
def test_neither_order_nor_grouping_matters(order: list[int], size: int):
    whole = integers(torch.arange(40), 9, "crop", 3, 5)
    counters = torch.tensor(order)
    parts = torch.cat([integers(group, 9, "crop", 3, 5) for group in counters.split(size)])
    assert torch.equal(parts, whole[counters])


@pytest.mark.parametrize("bound", [2, 3, 9, 10])
def test_integers_are_uniform(bound: int):
    drawn = integers(torch.arange(100_000), bound, "uniform", 0)
    counts = drawn.bincount(minlength=bound).double()
    assert len(counts) == bound
    expected = 100_000 / bound
    chi_square = float(((counts - expected) ** 2 / expected).sum())
    assert chi_square < 30  # for 9 degrees of freedom a chance of 0.0004


@pytest.mark.parametrize("other", [("crop", 0, 2), ("crop", 1, 1), ("flip", 0, 1)])
def test_streams_of_different_names_are_independent(other: tuple[object, ...]):
    counters = torch.arange(50_000)
    first, second = integers(counters, 2, "crop", 0, 1), integers(counters, 2, *other)
    assert abs(float((first == second).double().mean()) - 0.5) < 0.01
    assert abs(float((first[1:] == first[:-1]).double().mean()) - 0.5) < 0.01


def test_large_and_no_counters():
    assert 0 <= int(integers(torch.tensor([2**62]), 7, "x")[0]) < 7
    assert integers(torch.zeros(0, dtype=torch.int64), 7, "x").shape == (0,)


@given(st.lists(st.one_of(st.integers(), st.text()), max_size=4))
def test_seeds_are_63_bits_and_repeat(parts: list[object]):
    assert 0 <= seed_of(*parts) < 2**63
    assert seed_of(*parts) == seed_of(*parts)


def test_parts_are_kept_apart():
    assert len({seed_of("ab", 1), seed_of("a", "b1"), seed_of("ab1"), seed_of("ab", "1"), seed_of(("ab", 1))}) == 5


def test_a_seed_is_the_same_on_every_machine():
    digest = hashlib.sha256(b"('order', 0, 1)").digest()
    assert seed_of("order", 0, 1) == int.from_bytes(digest[:8], "big") // 2 == 5235859805464026190


def test_generators_repeat_and_leave_the_global_one_alone():
    before = torch.get_rng_state()
    first, second = (torch.rand(3, generator=generator("order", 7)) for _ in range(2))
    assert torch.equal(first, second)
    assert not torch.equal(first, torch.rand(3, generator=generator("order", 8)))
    assert torch.equal(before, torch.get_rng_state())


def test_uniform_numbers_fill_the_unit_interval():
    values = uniforms(torch.arange(10_000), "test")
    assert values.dtype == torch.float64
    assert 0 <= values.min() < 0.001 and 0.999 < values.max() < 1
    assert values.mean().item() == pytest.approx(0.5, abs=0.01)
    assert values.std().item() == pytest.approx(12**-0.5, abs=0.01)
    assert torch.equal(values[7:9], uniforms(torch.tensor([7, 8]), "test"))
    assert not torch.equal(values, uniforms(torch.arange(10_000), "other"))
