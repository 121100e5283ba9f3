"""The promises of every kind of component, as functions to call on one of your own, in any test runner or a notebook.

    from raykd import testing

    testing.check_term(MyTerm())
    testing.check_model(MyNet(), image=(3, 32, 32), num_classes=7)

A check trains tiny networks on synthetic images for seconds at most, leaves nothing behind, and raises AssertionError
with one line that says which promise is broken. `check_component` finds out what a component is.
"""

from raykd.testing.component import check_component
from raykd.testing.data import check_data
from raykd.testing.models import check_model
from raykd.testing.optimisers import check_optimiser, check_schedule
from raykd.testing.promises import check_value
from raykd.testing.routes import check_route
from raykd.testing.starts import check_start
from raykd.testing.swaps import check_swap
from raykd.testing.teachers import check_teacher
from raykd.testing.terms import check_term

__all__ = [
    "check_component",
    "check_data",
    "check_model",
    "check_optimiser",
    "check_route",
    "check_schedule",
    "check_start",
    "check_swap",
    "check_teacher",
    "check_term",
    "check_value",
]
