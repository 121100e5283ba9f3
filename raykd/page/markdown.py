"""The page in Markdown: what is worth reading without pictures, for a terminal, an issue or a pull request."""

from collections.abc import Iterable, Iterator, Sequence

from raykd.page import commands, first_screen
from raykd.page.evidence import Evidence
from raykd.page.found_front import found_front
from raykd.page.importance import Importance
from raykd.page.methods import ALONE, methods_of
from raykd.runs import front
from raykd.runs.shown import HEADS, cells, title
from raykd.storage.address import shown


def markdown(evidence: Evidence, mattered: Sequence[Importance]) -> str:
    """The first screen, what mattered, and every trial with the command that repeats it."""
    return "\n".join(_lines(evidence, mattered)) + "\n"


def _lines(evidence: Evidence, mattered: Sequence[Importance]) -> Iterator[str]:
    yield from (f"# {first_screen.headline(evidence)}", "")
    yield from (f"`{shown(evidence.called)}`, study {evidence.search.study}, {evidence.state}.", "")
    yield from (first_screen.verdict(evidence), "")
    yield from (f"- **{fact.number}** {fact.words}" for fact in first_screen.facts(evidence))
    if (found := evidence.confirmed) is not None:
        yield from ("", f"## How sure: {title(found)}", "")
        yield from _table(HEADS, cells(found))
    if (points := found_front(evidence)) is not None:
        yield from ("", f"## The front: accuracy against {points.aim.words}", "")
        yield from _table(front.HEADS, front.cells(points.frame, points.aim))
    yield from ("", "## Use it", "")
    yield from (f"- {words}: `{command}`" for words, command in commands.how_to_use(evidence))
    if mattered:
        yield from ("", "## What mattered", "")
        rows = [(f"`{one.path}`", f"{100 * one.share:.0f} %", f"{one.among} ({one.count})") for one in mattered]
        yield from _table(("hyperparameter", "share of the differences", "among (trials)"), rows)
    yield from ("", "## Every trial", "")
    heads = ("trial", "setting", "methods", "validation, %", "test, %", "outcome", "epochs", "seconds", "command")
    yield from _table(heads, _trials(evidence))


def _trials(evidence: Evidence) -> Iterator[tuple[str, ...]]:
    for trial in evidence.trials:
        command = commands.repeats(evidence, trial)
        yield (
            trial.name,
            trial.setting,
            " + ".join(methods_of(trial.recipe)) or ALONE,
            _share(trial.accuracy),
            _share(trial.test),
            trial.outcome,
            str(len(trial.epochs)),
            f"{trial.seconds:.1f}",
            f"`{command}`" if command else "",
        )


def _table(heads: Sequence[str], rows: Iterable[Sequence[str]]) -> Iterator[str]:
    for row in (heads, ["---"] * len(heads), *rows):
        yield f"| {' | '.join(cell.replace('|', '/') for cell in row)} |"


def _share(value: float | None) -> str:
    return "" if value is None else f"{100 * value:.2f}"
