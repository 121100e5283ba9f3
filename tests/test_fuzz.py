"""Malformed recipes, values, options, names, checkpoints and artefacts: each is refused clearly, nothing hangs.

A few hundred of them here; `-m slow` tries more than ten thousand.
"""

import dataclasses
import json
import random
import runpy
from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import raykd.__main__
from raykd.commands import parse
from raykd.data.digits import Digits
from raykd.errors import is_for_the_user, one_line
from raykd.recipe import Recipe
from raykd.space.ranges import override, space
from raykd.space.serialise import decode, encode
from raykd.storage.artifacts import Store
from raykd.storage.layout import check_name
from raykd.training.checkpoints import load_checkpoint
from run_commands import ROOT
from tiny import composed

KIND = {"few": 150, "many": 2500}
FEW = pytest.param(KIND["few"], id="few")
MANY = pytest.param(KIND["many"], id="many", marks=[pytest.mark.slow, pytest.mark.timeout(1800)])
COMPOSED = dataclasses.replace(composed(), data=Digits())
RECIPE = encode(COMPOSED)
# Numbers stay small: a network of a million channels is no malformed one.
scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(-3, 40),
    st.floats(width=16),
    st.text(max_size=4),
    st.just("recipe"),
)
values = st.recursive(
    scalars,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=2),
    max_leaves=4,
)


def many(count: int, strategy: Any, check: Any) -> None:
    """Tries a check on so many examples."""

    @settings(
        max_examples=count,
        deadline=None,
        database=None,
        derandomize=True,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large],
    )
    @given(strategy)
    def tried(example: Any) -> None:
        check(example)

    tried()


def refused_clearly(action: Any) -> bool:
    """Whether an action was refused; an error that no user could read lets the test fail."""
    try:
        action()
    except (ValueError, KeyError, FileNotFoundError) as error:
        if not is_for_the_user(error) or len(one_line(error)) > 1500:
            raise
        return True
    return False


def places(data: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """Every place in JSON data."""
    found = [path] if path else []
    for key in data if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else ():
        found += places(data[key], (*path, key))
    return found


PLACES = places(RECIPE)


def changed(path: tuple[Any, ...], what: str, value: Any) -> Any:
    """The recipe with one place replaced, taken out, or called something else."""
    data = json.loads(json.dumps(RECIPE))
    holder = data
    for key in path[:-1]:
        holder = holder[key]
    if what == "replaced":
        holder[path[-1]] = value
    else:
        old = holder.pop(path[-1])
        if what == "renamed" and isinstance(holder, dict):
            holder[str(value)] = old
    return data


@pytest.mark.parametrize("count", [FEW, MANY])
def test_malformed_recipes(count):
    def check(example: Any) -> None:
        path, what, value = example

        def read() -> None:
            recipe = decode(changed(path, what, value))
            if isinstance(recipe, Recipe):
                recipe.check()

        refused_clearly(read)

    many(
        count, st.tuples(st.sampled_from(PLACES), st.sampled_from(["replaced", "taken out", "renamed"]), values), check
    )


@pytest.mark.parametrize("count", [FEW, MANY])
def test_malformed_values(count):
    recipe = COMPOSED
    paths = st.one_of(st.sampled_from(sorted(space(recipe))), st.text("abc/_", max_size=12))

    def check(example: dict[str, Any]) -> None:
        refused_clearly(lambda: override(recipe, example).check())

    many(count, st.dictionaries(paths, scalars, min_size=1, max_size=2), check)


@pytest.mark.parametrize("count", [FEW, MANY])
def test_malformed_options(count):
    """Of all commands: words that are theirs, cut off, of another command, or no words at all."""
    parsers = [runpy.run_path(str(script))["parser"] for script in sorted((ROOT / "launch").glob("*.py"))]
    parsers.append(raykd.__main__.parser)
    known = {name for make in parsers for action in make()._actions for name in action.option_strings}
    options = sorted(known - {"-h", "--help"})
    words = st.one_of(
        st.sampled_from([*options, "status", "report", "stop"]),
        st.sampled_from(options).map(lambda option: option[:-1]),
        st.sampled_from(options).map(lambda option: f"{option}="),
        st.sampled_from(["-x", "--", "5", "-5", "1e9", "1-4", "4-", "a=b", "auto"]),
        st.text(max_size=6),
    )

    def check(example: tuple[Any, list[str]]) -> None:
        make, typed = example
        refused_clearly(lambda: parse(make(), typed))

    many(count, st.tuples(st.sampled_from(parsers), st.lists(words, max_size=4)), check)


@pytest.mark.parametrize("count", [FEW, MANY])
def test_names_stay_in_the_storage(count, tmp_path):
    letters = st.text(st.sampled_from("ab1./\\~-_ \0\n:*"), max_size=8)

    def check(name: str) -> None:
        if not refused_clearly(lambda: check_name(name)):
            assert (tmp_path / name).resolve().parent == tmp_path.resolve()

    many(count, st.one_of(letters, st.text(max_size=8)), check)


damage = st.tuples(st.integers(0, 2**32 - 1), st.sampled_from(["cut off", "overwritten", "grown", "emptied"]))


def damaged(whole: bytes, seed: int, how: str) -> bytes:
    chance = random.Random(seed)
    if how == "cut off":
        return whole[: chance.randrange(len(whole))]
    if how == "grown":
        return whole + chance.randbytes(chance.randrange(1, 50))
    if how == "emptied":
        return b""
    place, length = chance.randrange(len(whole)), chance.randrange(1, 40)
    return whole[:place] + chance.randbytes(length) + whole[place + length :]


@pytest.mark.parametrize("count", [FEW, MANY])
def test_damaged_checkpoints(count, tmp_path):
    content = {"number": 2, "metrics": {"val/accuracy": 0.5}, "state": {"weight": torch.arange(6.0), "epoch": 2}}
    torch.save(content, tmp_path / "whole.pt")
    whole, file = (tmp_path / "whole.pt").read_bytes(), tmp_path / "damaged.pt"

    def check(example: tuple[int, str]) -> None:
        file.write_bytes(damaged(whole, *example))
        if not refused_clearly(lambda: load_checkpoint(file)):
            assert load_checkpoint(file).keys() == content.keys()

    many(count, damage, check)


@pytest.mark.parametrize("count", [FEW, MANY])
def test_damaged_artefacts_are_made_again(count, tmp_path):
    """In a store of its own each: a process checks an artefact once."""
    numbers = iter(range(10**9))

    def make(folder: Path) -> None:
        (folder / "numbers.json").write_text("[1, 2, 3]")

    def check(example: tuple[int, str]) -> None:
        store = tmp_path / str(next(numbers))
        folder = Store(store).get("kind", "key", make)
        copy = Store(store.rename(store.with_name(f"{store.name}-copy")))
        file = copy.root / "kind" / "key" / ("numbers.json" if example[0] % 2 else "manifest.json")
        file.write_bytes(damaged(file.read_bytes(), *example))
        assert (copy.get("kind", "key", make) / "numbers.json").read_text() == "[1, 2, 3]"
        assert not folder.exists()

    many(count, damage, check)
