"""What IAKD swapped: step by step, which stages of the student the teacher stood in for.

The masks are drawn anew, not kept: they depend on the seed, the epoch, the step, and the epoch's probability to keep a
stage, which stands in the trial's `epochs.jsonl` to the last bit.
"""

from PIL import ImageDraw

from raykd.methods.iakd import IAKD, swapped_stages
from raykd.page.drawing import SCALE, Exhibit, Pixels, box, canvas, exhibit, write
from raykd.page.evidence import Trial
from raykd.page.style import TEACHER
from raykd.recipe import Recipe

_STUDENT = "#dbe7f6"
_LEFT, _ROW, _GAP, _FOOT, _WIDTH, _WIDEST, _LEAST = 80, 22, 4, 36, 720, 12, 320  # pixels as shown


def swaps(recipe: Recipe) -> bool:
    """Whether a run of it swaps stages by IAKD's draws."""
    return isinstance(recipe.swap, IAKD)


def masks(trial: Trial, recipe: Recipe, most: int) -> list[frozenset[int]]:
    """The stages that were the teacher's, counted from 0, in each step of a trial's finished epochs.

    Args:
        most: of more steps, so many evenly chosen ones.
    """
    swap, shapes = recipe.swap, recipe.shapes()
    assert isinstance(swap, IAKD)
    per_epoch = shapes.num_images // recipe.batch_size
    total = per_epoch * len(trial.epochs)
    chosen = range(total) if total <= most else [place * total // most for place in range(most)]
    found: list[frozenset[int]] = []
    for epoch, step in (divmod(place, per_epoch) for place in chosen):
        keep, stages = trial.epochs[epoch]["train/keep"], len(shapes.student)
        found.append(swapped_stages(keep, stages, swap.swap_head, seed=recipe.seed, epoch=epoch, step=step))
    return found


def swap_masks(trial: Trial, recipe: Recipe) -> Exhibit:
    """A row a stage, a column a step; of more steps than there is room for, evenly chosen ones."""
    swap, shown = recipe.swap, masks(trial, recipe, SCALE * _WIDTH)
    assert isinstance(swap, IAKD)
    stages = len(recipe.shapes().student) + swap.swap_head
    column = min(SCALE * _WIDEST, SCALE * _WIDTH // max(1, len(shown))) / SCALE
    width = column * len(shown)
    image, draw = canvas(int(_LEFT + max(width, _LEAST) + 16), stages * (_ROW + _GAP) + _GAP + _FOOT)
    for stage in range(stages):
        top = _GAP + stage * (_ROW + _GAP)
        write(draw, 6, top + _ROW / 2, _name(stage, stages, swap), anchor="lm")
        box(draw, _LEFT, top, width, _ROW, _STUDENT)
        for place, mask in enumerate(shown):
            if stage in mask:
                box(draw, _LEFT + place * column, top, column, _ROW, TEACHER)
    _epochs(draw, len(trial.epochs), width, _GAP + stages * (_ROW + _GAP))
    taken = sum(len(mask) for mask in shown) / max(1, stages * len(shown))
    text = (
        f"{trial.name}, {trial.setting}: a column is a step, {len(shown)} of them, a row a stage; dark where the "
        f"teacher's stage stood in for the student's, {100 * taken:.1f} % in all. Schedule {swap.schedule}, "
        f"kept with probability {swap.start:.2f} where it begins, the last {swap.solo:.0%} without swaps."
    )
    return exhibit(f"swap masks/{trial.name}", "Swap masks over the epochs", text, image)


def _name(stage: int, stages: int, swap: IAKD) -> str:
    return "head" if swap.swap_head and stage == stages - 1 else f"stage {stage + 1}"


def _epochs(draw: ImageDraw.ImageDraw, count: int, width: Pixels, top: int) -> None:
    """Numbers below the steps: the first epoch, the last one, and a few between."""
    step = max(1, round(count / 8))
    for number in range(0, count, step):
        write(draw, _LEFT + width * number / count, top, str(number + 1), faint=True)
    write(draw, _LEFT, top + 16, "epoch of the student", faint=True)
