"""What the words of a codebook look at: patches of validation images at the places where the teacher sees each word."""

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from jaxtyping import Float, Int64, UInt8
from torch import Tensor

from raykd.errors import MissingError
from raykd.methods.quest import Quest, codebook_of, reading_of
from raykd.models.staged import Staged
from raykd.ops.maps import places
from raykd.ops.vectors import full, squared_distances
from raykd.page.drawing import Exhibit, Strip, exhibit, strips
from raykd.page.evidence import Evidence, Trial
from raykd.page.showing import validation_images
from raykd.page.teacher import context_of, route_of
from raykd.protocols.reading import Averaged
from raykd.protocols.teacher import TeacherRoute
from raykd.recipe import Recipe

_MOST_WORDS, _MOST_PATCHES = 12, 8
_MOST_IMAGES, _BATCH, _SECONDS = 500, 16, 10.0


@dataclass(frozen=True, kw_only=True)
class Seen:
    """Which word the teacher sees at each place of some images.

    Args:
        words: the nearest one to each place's features.
        distances: squared, from those features to it.
        images: as the data set has them.
        labels: of the images.
        size: places of an image, down and across.
    """

    words: Int64[Tensor, "n places"]
    distances: Float[Tensor, "n places"]
    images: UInt8[Tensor, "n c h w"]
    labels: Int64[Tensor, "n"]
    size: tuple[int, int]

    def patches(self, word: int) -> Iterator[UInt8[Tensor, "c height width"]]:
        """Those of the places nearest to a word, one of an image, the nearest first."""
        there = (self.words == word).flatten().nonzero().flatten()
        used = set[int]()
        for place in there[self.distances.flatten()[there].argsort(stable=True)].tolist():
            image, within = divmod(place, self.words.shape[1])
            if image not in used:
                used.add(image)
                yield patch(self.images[image], self.size, divmod(within, self.size[1]))


def codebook_words(evidence: Evidence, trial: Trial, recipe: Recipe) -> Exhibit | None:
    """A row for each of the words that are seen most; None where the trial's recipe has no codebook.

    Raises:
        FileNotFoundError: the teacher's route is not there.
        LookupError: the codebook is not.
    """
    term = next((term for term in recipe.active_terms if isinstance(term, Quest)), None)
    if term is None or not trial.epochs:
        return None
    route, shapes = route_of(evidence, recipe), recipe.shapes()
    context, checkpoint = context_of(evidence, recipe, route), _last_followed(trial, route)
    codebook = codebook_of(term, shapes, context, checkpoint)
    seen = seen_words(route.network(checkpoint), codebook.words, reading_of(term, shapes), route)
    classes = route.dataset.classes or tuple(map(str, range(route.dataset.num_classes)))
    counts = torch.bincount(seen.words.flatten(), minlength=term.words)
    most = counts.argsort(descending=True, stable=True)[:_MOST_WORDS].tolist()
    rows = [_row(seen, word, int(counts[word]), classes) for word in most if counts[word]]
    height, width = seen.size
    text = (
        f"The {len(rows)} words of {trial.name} ({trial.setting}) that the teacher sees most at {height} x {width} "
        f"places of {len(seen.labels)} validation images; {int((counts > 0).sum())} of its {term.words} are seen. "
        f"A row's patches are those whose features are nearest to the word, one of an image; a patch is the place's "
        f"part of the image and half of one more on each side, though the network looks further."
    )
    return exhibit("codebook words", "What the words of the codebook look at", text, strips(rows))


@torch.inference_mode()
def seen_words(teacher: Staged, words: Float[Tensor, "words channels"], reading: Averaged, route: TeacherRoute) -> Seen:
    """Shows validation images to the teacher."""
    split, dataset = route.dataset.validation, route.dataset
    found: list[tuple[Tensor, ...]] = []
    for indices, images in validation_images(dataset, _MOST_IMAGES, _BATCH, _SECONDS):
        maps = full(reading(teacher(dataset.normalise(images))))
        nearest = squared_distances(places(maps), words).min(dim=1)
        shape = (len(images), -1)
        found.append((nearest.indices.view(shape), nearest.values.view(shape), images.byte(), split.labels[indices]))
    seen, distances, shown, labels = (torch.cat(parts) for parts in zip(*found, strict=True))
    return Seen(words=seen, distances=distances, images=shown, labels=labels, size=reading.size)


def patch(
    image: UInt8[Tensor, "c h w"], size: tuple[int, int], place: tuple[int, int]
) -> UInt8[Tensor, "c height width"]:
    """A place's part of an image and half of one more on each side; at the edges moved inside, so that all are equal.

    Args:
        size: places down and across.
        place: which one, counted from 0.
    """
    (top, height), (left, width) = (
        _stretch(edge, count, number) for edge, count, number in zip(image.shape[1:], size, place, strict=True)
    )
    return image[:, top : top + height, left : left + width]


def _stretch(edge: int, count: int, number: int) -> tuple[int, int]:
    """Where a patch begins along an edge of an image, and how long it is, in pixels."""
    length = min(edge, -(-2 * edge // count))
    begin = round((number + 0.5) * edge / count - length / 2)
    return min(max(begin, 0), edge - length), length


def _last_followed(trial: Trial, route: TeacherRoute) -> int:
    """The checkpoint that the trial's last epoch learned from."""
    epoch = trial.epochs[-1]["train/anchor"]
    numbers = [number for number, record in enumerate(route.records, start=1) if record["epoch"] == epoch]
    if not numbers:
        raise MissingError(f"the teacher's route has no checkpoint of epoch {epoch:.0f}")
    return numbers[-1]


def _row(seen: Seen, word: int, count: int, classes: tuple[str, ...]) -> Strip:
    labels = seen.labels[:, None].expand_as(seen.words)[seen.words == word]
    label = int(labels.bincount().argmax())
    share = (labels == label).float().mean().item()
    lines = (
        f"word {word}",
        f"{100 * count / seen.words.numel():.1f} % of all places",
        f"{100 * share:.0f} % in {classes[label]}",
    )
    shown = [part for _, part in zip(range(_MOST_PATCHES), seen.patches(word), strict=False)]
    return Strip(lines=lines, images=tuple(shown))
