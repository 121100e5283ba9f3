"""Students of other sizes than the one that was named: scaled widths, or the nearest of its family."""

import dataclasses
import re
from collections.abc import Callable, Iterable, Mapping

from raykd.errors import InvalidError, UserError
from raykd.models.architectures import OWN
from raykd.models.cifar_resnet import ResNet
from raykd.models.cnn import CNN
from raykd.models.timm import Timm, library
from raykd.models.torchvision import NAMES, Torchvision
from raykd.protocols.model import ModelSpec
from raykd.recipe import Recipe

_FACTORS = (0.5, 0.75, 1.5, 2.0)  # of widths
_NEAREST = 2  # of a family, on either side


def sizes_of(
    recipe: Recipe, others: Iterable[ModelSpec], say: Callable[[str], None]
) -> Mapping[str, Mapping[str, ModelSpec]]:
    """As `Study.sizes`: the recipe's student, and those that were named or else such as are like it.

    Args:
        others: that were named; none for those that are like it.
        say: told which these are, and which do not fit.

    Raises:
        ValueError: there is no other.
    """
    found: dict[str, ModelSpec] = {_name(recipe.student): recipe.student}
    for model in tuple(others) or tuple(_like(recipe.student)):
        try:
            dataclasses.replace(recipe, student=model).check()
        except InvalidError as error:
            say(f"left out: the student {_name(model)}: {error}")
            continue
        found.setdefault(_name(model), model)
    if len(found) < 2:
        raise InvalidError(
            f"pareto needs students of several sizes, and none is known that is like {_name(recipe.student)}; name "
            "some more after it: --student A,B,C"
        )
    say(f"students: {', '.join(found)}; where they are larger than the first, it takes longer than was planned")
    return {"student": found}


def _like(model: ModelSpec) -> Iterable[ModelSpec]:
    match model:
        case CNN() | ResNet():
            for factor in _FACTORS:
                yield dataclasses.replace(model, widths=tuple(max(1, round(factor * width)) for width in model.widths))
        case Torchvision(weights=None | "DEFAULT"):
            for name in _family(model.name, NAMES):
                yield dataclasses.replace(model, name=name)
        case Timm(weights=None):
            for name in _family(model.name.partition(".")[0], library().list_models(pretrained=model.pretrained)):
                try:
                    yield dataclasses.replace(model, name=name.partition(".")[0])
                except UserError:  # it has no weights of its own
                    continue
        case _:
            same = [each for each in OWN.values() if type(each) is type(model) and each != model]
            yield from dict.fromkeys(same)


def _family(name: str, known: Iterable[str]) -> list[str]:
    """The nearest names that differ in their last number alone, such as `resnet34` beside `resnet18`."""
    parts = re.fullmatch(r"(.*?)(\d+(?:_\d+)?)(\D*)", name)
    if parts is None:
        return []
    alike = re.compile(f"{re.escape(parts[1])}(\\d+(?:_\\d+)?){re.escape(parts[3])}")
    numbers = {
        _number(found[1]): each for each in (one.partition(".")[0] for one in known) if (found := alike.fullmatch(each))
    }
    own = _number(parts[2])
    below = sorted((number for number in numbers if number < own), reverse=True)[:_NEAREST]
    above = sorted(number for number in numbers if number > own)[:_NEAREST]
    return [numbers[number] for number in (*reversed(below), *above)]


def _number(text: str) -> float:
    return float(text.replace("_", "."))


def _name(model: ModelSpec) -> str:
    match model:
        case Torchvision() | Timm():
            return model.name
        case CNN() | ResNet():
            return f"{_own_name(model) or type(model).__name__} {'-'.join(map(str, model.widths))}"
        case _:
            return _own_name(model) or repr(model)


def _own_name(model: ModelSpec) -> str | None:
    return next((name for name, each in OWN.items() if each == model), None)
