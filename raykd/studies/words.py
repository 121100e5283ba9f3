"""A recipe in a few words that tell two trials apart: what differs from plain KD, with values.

    plain KD    KD T 3.1 w 0.7    quest K 256 T 0.5 + KD    iakd growth 0.7 + equal interval 3    lr 0.08

Methods come first, each with what is not its class's default; KD is named beside another one, or where it is not the
plain one. Then the labels' weight, unless it is 0.1 beside KD or 1 without it, and all else that is not as in plain KD.
"""

import dataclasses
import textwrap
from collections.abc import Iterator
from typing import Any

from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.kd import KD
from raykd.recipe import Recipe
from raykd.space.ranges import paths, value_at
from raykd.space.serialise import type_name
from raykd.studies.baselines import ALONE, PLAIN_KD, baselines

_MOST = 60
_SHORT = {"temperature": "T", "weight": "w", "words": "K", "weight_decay": "wd", "batch_size": "batch"}
_BARE = ("count", "schedule", "start")  # which speak for themselves beside the name of their component
_METHODS = ("teacher", "terms", "start", "swap", "route")


def in_a_few_words(recipe: Recipe, base: Recipe) -> str:
    """A recipe against the plain KD of a base recipe, the most telling words first; at most 60 characters."""
    plain = baselines(base)[PLAIN_KD]
    terms = {term.name: term for term in recipe.active_terms}
    labels, kd = terms.pop(CrossEntropy.name, None), terms.pop(KD.name, None)
    methods = [_named(term.name, term, None) for term in terms.values()]
    for place in ("start", "swap", "route"):
        part, other = getattr(recipe, place), getattr(plain, place)
        if part != other:
            methods.append(_named(type_name(type(part)).rpartition(".")[2], part, other))
    if kd is not None:
        told = _named("KD", kd, value_at(plain, f"terms/{KD.name}"))
        methods += [told] if methods or told != "KD" else []
    elif not methods:
        methods = ["labels alone"]
    words = ", ".join(filter(None, (" + ".join(methods), _labels(labels, kd is not None), *_rest(recipe, plain))))
    short = textwrap.shorten(words, _MOST, placeholder=" ...")
    return {"": PLAIN_KD, "labels alone": ALONE}.get(short, short)


def _named(name: str, part: Any, other: Any) -> str:
    """A component and those of its values that are not as in another one of its class, or else not its default."""
    values = list[str]()
    for field in sorted(dataclasses.fields(part), key=lambda field: field.name == "weight"):
        default = getattr(other, field.name) if type(other) is type(part) else field.default
        value = getattr(part, field.name)
        if value != default and _is_plain(value):
            values.append(_number(value) if field.name in _BARE else _valued(field.name, value))
    return " ".join((name.replace("_", " "), *values))


def _labels(labels: Any, has_kd: bool) -> str:
    if labels is None:
        return "no labels"
    told = _named("labels", labels, CrossEntropy(weight=0.1 if has_kd else 1.0))
    return "" if told == "labels" else told


def _rest(recipe: Recipe, plain: Recipe) -> Iterator[str]:
    """Numbers and words outside of methods; the optimiser's first."""
    places = [path for path in paths(recipe) if path.split("/")[0] not in _METHODS]
    for path in sorted(places, key=lambda path: not path.startswith("optimiser")):
        value = value_at(recipe, path)
        try:
            other = value_at(plain, path)
        except KeyError:
            other = dataclasses.MISSING
        if value != other:
            if _is_plain(value):
                yield _valued(path.rpartition("/")[2], value)
            elif type(value) is not type(other):
                yield type_name(type(value)).rpartition(".")[2].replace("_", " ")


def _valued(name: str, value: Any) -> str:
    name = _SHORT.get(name, name.replace("_", " "))
    if value is True:
        return name
    return f"no {name}" if value is False or value is None else f"{name} {_number(value)}"


def _number(value: Any) -> str:
    """Three digits of a number; anything else as it is."""
    if not isinstance(value, float):
        return str(value).replace(" ", "")
    if value == 0.0 or 1e-4 <= abs(value) < 1e4:
        return f"{value:.3g}" if abs(value) < 1e3 else f"{value:.0f}"
    return f"{value:.2e}".replace("e+0", "e").replace("e-0", "e-").replace(".00e", "e")


def _is_plain(value: Any) -> bool:
    """Whether a value is a number, a word or several of them, and no component."""
    if isinstance(value, tuple):
        return all(map(_is_plain, value))
    return value is None or isinstance(value, bool | int | float | str)
