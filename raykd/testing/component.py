"""The check of any component, whichever protocol it keeps."""

from collections.abc import Callable
from typing import Any

from raykd.data.dataset import DataSpec
from raykd.optim import Optimiser, Schedule
from raykd.protocols.method import Route, Start, Swap, TermSpec
from raykd.protocols.model import ModelSpec
from raykd.protocols.teacher import TeacherSpec
from raykd.testing.data import check_data
from raykd.testing.models import check_model
from raykd.testing.optimisers import check_optimiser, check_schedule
from raykd.testing.routes import check_route
from raykd.testing.starts import check_start
from raykd.testing.swaps import check_swap
from raykd.testing.teachers import check_teacher
from raykd.testing.terms import check_term

# A model has a `build` alone, as terms and optimisers have too, so it comes last.
_CHECKS: dict[type, Callable[..., None]] = {
    TermSpec: check_term,
    Start: check_start,
    Route: check_route,
    Swap: check_swap,
    TeacherSpec: check_teacher,
    DataSpec: check_data,
    Schedule: check_schedule,
    Optimiser: check_optimiser,
    ModelSpec: check_model,
}


def check_component(component: Any, **options: Any) -> None:
    """Checks a component of whatever kind.

    Args:
        options: of its kind's own check, such as `image` of `check_model`.

    Raises:
        AssertionError: a promise is broken, or it keeps no protocol.
    """
    for protocol, check in _CHECKS.items():
        if isinstance(component, protocol):
            return check(component, **options)
    kinds = ", ".join(protocol.__name__ for protocol in _CHECKS)
    raise AssertionError(f"{type(component).__name__} is none of {kinds}; call the check of what it is to be")
