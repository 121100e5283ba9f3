"""What an epoch's time is spent on, as a table that a person reads."""

from collections.abc import Sequence

from rich.table import Table

from raykd.reporting.time_spent import Spent, together


def time_table(first: Sequence[Spent], later: Sequence[Spent], steps: int) -> Table:
    """A row for each kind of span, and one for all of them together.

    Args:
        first: of the first epoch, which warms up.
        later: means over the epochs after it, which all columns but the first are about; where there are none, they
            are about the first epoch.
        steps: of an epoch.
    """
    measured = later or first
    whole, begun = together(measured, "an epoch"), {each.name: each for each in first}
    has_device = whole.device is not None
    table = Table("", box=None)
    heads = ["first epoch s", "s", "share", "calls", "ms a step", "cpu s", *(["device s"] if has_device else [])]
    for head in heads[0 if later else 1 :]:
        table.add_column(head, justify="right")
    only_first = [each for each in first if each.name not in {other.name for other in measured}]
    for each in [*only_first, *measured]:
        here = None if each in only_first else each
        table.add_row(each.name, *_cells(begun.get(each.name), here, whole, steps, later=bool(later)))
    table.add_row("an epoch", *_cells(together(first, "an epoch"), whole, whole, steps, later=bool(later)))
    return table


def _cells(first: Spent | None, spent: Spent | None, whole: Spent, steps: int, *, later: bool) -> list[str]:
    cells = [f"{first.seconds:.3f}" if first else ""] if later else []
    if spent is None:
        return cells
    cells += [f"{spent.seconds:.3f}", f"{spent.seconds / whole.seconds:.1%}", f"{spent.calls:g}"]
    cells += [f"{spent.seconds / steps * 1e3:.3f}", f"{spent.cpu:.3f}"]
    return cells if spent.device is None else [*cells, f"{spent.device:.3f}"]
