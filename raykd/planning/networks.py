"""The networks that a newcomer means: by name, by a file of weights, or none, for which one is chosen."""

import contextlib
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from raykd.data.dataset import Dataset, DataSpec
from raykd.errors import InvalidError, UserError
from raykd.models.cnn import CNN
from raykd.models.eyes import Eyes
from raykd.models.named import network
from raykd.models.torchvision import Torchvision
from raykd.models.weights import find
from raykd.optim import SGD, Cosine
from raykd.protocols.model import ModelSpec
from raykd.protocols.teacher import TeacherSpec
from raykd.teachers.architectures import architecture
from raykd.teachers.own import pretrained
from raykd.teachers.pretrained import PretrainedTeacher
from raykd.teachers.trained import Teacher

_FILES = (".pth", ".pt", ".ckpt", ".bin", ".tar", ".safetensors", ".json", ".th", ".pkl", ".model")
_EPOCHS = 60  # of a teacher that is trained; fewer where the time is short
_CHECKPOINTS = 12  # that it keeps, for routes
_LARGE = 48  # pixels a side from which on a ResNet of five halvings has a map left


@dataclass(frozen=True, kw_only=True)
class Named:
    """How a teacher is named.

    Args:
        teacher: a path, a network's name, a teacher, or nothing.
        network: whose weights the file has, by name; None for what the file's or its folder's name says.
        key: which weights of the file, such as `model_ema`; None for those that its maker would evaluate.
        pretrained: whether a network that is trained starts from the weights that its library has for it.
    """

    teacher: str | TeacherSpec | None
    network: str | None = None
    key: str | None = None
    pretrained: bool = False


def network_of(named: str | ModelSpec, pretrained: bool = False) -> ModelSpec:
    """A network by its name; itself where it is one.

    Raises:
        ValueError: no network has that name, with the nearest ones; or it brings no weights.
    """
    return network(named, pretrained) if isinstance(named, str) else named


def teacher_of(
    named: Named, data: DataSpec, dataset: Dataset, batch_size: int, rate: float, say: Callable[[str], None]
) -> TeacherSpec:
    """The teacher that is meant: a file's weights, a network that is trained first, or one that is chosen for that.

    Args:
        batch_size, rate: that it is trained with.
        say: told what was chosen.

    Raises:
        UserError: in a line, what is wrong with it.
    """
    teacher = named.teacher
    if teacher is not None and not isinstance(teacher, str):
        return teacher
    if teacher is not None and _is_file(teacher):
        found = _of_weights(teacher, data, named)
        say(f"teacher: {teacher} as {found.model}; {_seen(found.eyes)}")
        return found
    for word, given in (("network", named.network), ("key", named.key)):
        if given is not None:
            raise InvalidError(f"a teacher's {word} is said of a file of weights, got {teacher or 'no teacher'}")
    model = _chosen(dataset) if teacher is None else network(teacher, named.pretrained)
    say(f"teacher: {model}, trained first" + ("" if teacher else "; give a file or a network if you have one"))
    optimiser = SGD(lr=rate, schedule=Cosine())
    return Teacher(
        model=model, epochs=_EPOCHS, every=_EPOCHS // _CHECKPOINTS, batch_size=batch_size, optimiser=optimiser
    )


def _is_file(named: str) -> bool:
    return Path(named).expanduser().exists() or named.endswith(_FILES)


def _of_weights(file: str, data: DataSpec, named: Named) -> PretrainedTeacher:
    find(file)  # before its network is guessed by its name
    if named.network is not None:
        return pretrained(network(named.network), file, key=named.key)
    wrong: dict[ModelSpec, str] = {}
    for model in _guessed(Path(file)):
        if model in wrong:
            continue
        teacher = pretrained(model, file, key=named.key)
        try:
            teacher.check(data)
        except InvalidError as error:
            wrong[model] = str(error)
            continue
        return teacher
    if len(wrong) == 1:
        ((model, why),) = wrong.items()
        raise InvalidError(f"{file}: taken for {model} by its name, and {why}; --teacher-network names another")
    why = f"; it is none of {'; '.join(f'{model}: {error}' for model, error in wrong.items())}" if wrong else ""
    raise InvalidError(f"{file}: say by --teacher-network whose weights these are, such as torchvision/resnet50{why}")


def _guessed(file: Path) -> Iterator[ModelSpec]:
    """The networks that a file may be of: by the beginning of its name, as `resnet50` in `resnet50-0676ba61.pth`."""
    words = re.split(r"[-.]", file.stem)
    for stem in dict.fromkeys([file.stem, words[0], *_beginnings(words[0])]):
        for maker in ("torchvision/", "timm/", ""):
            with contextlib.suppress(UserError):
                yield network(maker + stem)
    with contextlib.suppress(UserError):
        yield architecture(file.parent.name)


def _seen(eyes: Eyes | None) -> str:
    """How its images are taken to have been made."""
    if eyes is None:
        return "it tells nothing of its images, which are taken to be as the data's"
    words = []
    if eyes.mean is not None and eyes.std is not None:
        mean, std = (", ".join(f"{value:.3f}" for value in values) for values in (eyes.mean, eyes.std))
        words.append(f"normalised by mean ({mean}) and deviation ({std})")
    if eyes.size is not None:
        words.append(f"resized to {eyes.size[0]} x {eyes.size[1]}")
    return f"it sees views {' and '.join(words)}, as it tells"


def _beginnings(name: str) -> list[str]:
    parts = name.split("_")
    return ["_".join(parts[:count]) for count in range(len(parts) - 1, 0, -1)]


def _chosen(dataset: Dataset) -> ModelSpec:
    """A network larger than most students, that two cores can train on as many pictures as fit into minutes."""
    side = min(dataset.image_shape[1:])
    return Torchvision(name="resnet18") if side >= _LARGE else CNN(widths=(32, 64, 128), convolutions=2)
