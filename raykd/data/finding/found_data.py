"""A data set that was found at a path, and the lines that say what was found and what was chosen for it."""

from collections.abc import Mapping
from dataclasses import dataclass

from raykd.data.finding.measured import PictureSizes
from raykd.data.formats.file_names import shown
from raykd.data.image_folder import ImageFolder

_FEW_CLASSES = 10  # that are listed one by one


@dataclass(frozen=True, kw_only=True)
class FoundData:
    """A data set that was found.

    Args:
        data: as it stands in a recipe.
        path: where it was looked for.
        classes: their names, by label.
        counts: for each split the number of pictures of each class.
        cut: the splits that were cut from the training pictures.
        sizes: of the pictures.
        decoded: bytes that all of them take once they are decoded.
        notes: what else a person should know, a line each, such as what was left aside and why.
    """

    data: ImageFolder
    path: str
    classes: tuple[str, ...]
    counts: Mapping[str, tuple[int, ...]]
    cut: tuple[str, ...]
    sizes: PictureSizes
    decoded: int
    notes: tuple[str, ...]

    def lines(self) -> list[str]:
        """What was found and what was chosen for it, in a few lines."""
        return [
            f"data: {self.sizes.of} pictures in {shown(self.path)}, {self._classes()}",
            self._splits(),
            f"sizes: {self.sizes.in_words()}",
            self._chosen(),
            *self.notes,
        ]

    def _classes(self) -> str:
        totals = dict(zip(map(shown, self.classes), map(sum, zip(*self.counts.values(), strict=True)), strict=True))
        if len(totals) <= _FEW_CLASSES:
            return f"{len(totals)} classes: {', '.join(f'{name} {total}' for name, total in totals.items())}"
        least, most = (choose(totals, key=lambda name: totals[name]) for choose in (min, max))
        return f"{len(totals)} classes of {totals[least]} pictures ({least}) to {totals[most]} ({most})"

    def _splits(self) -> str:
        totals = ", ".join(f"{split} {sum(counts)}" for split, counts in self.counts.items())
        if not self.cut:
            return f"splits: {totals}"
        cut = " and ".join(self.cut)
        return f"splits: {totals}; {cut} cut by a fixed seed, a share of each class, copies together"

    def _chosen(self) -> str:
        frame, augmentation = self.data.frame, self.data.augmentation
        crops = "resized crops" if augmentation.resized else f"crops with {augmentation.padding} pixels of padding"
        mirrored = "mirror images" if augmentation.flip else "no mirror images, by the names of the classes"
        kept = "kept in memory" if self.data.in_memory else "decoded from their files in every epoch"
        size = f"{self.decoded / 1e6:,.0f} MB decoded, " if self.decoded >= 1e6 else ""
        return f"seen as: squares of {frame.size} pixels, {size}{kept}; trained on {crops} and {mirrored}"
