"""`raykd tune --list`: the studies that ship with raykd, with a line each."""

from rich.console import Console

from raykd.studies.shipped import DEFAULT_STUDY, first_line, shipped_studies


def list_studies() -> int:
    """Shows the name of each and the first line of its docstring; the default one first."""
    there = shipped_studies()
    width = max(map(len, there))
    console = Console(highlight=False, markup=False, soft_wrap=True)
    for name in sorted(there, key=lambda name: name != DEFAULT_STUDY):
        console.print(f"{name:{width}}  {first_line(there[name])}")
    return 0
