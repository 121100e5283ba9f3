"""A term of a recipe built for two tiny networks, and what these say of a batch."""

from typing import Any

from tiny import batch, clock, context, network, shapes

STUDENT = {"seed": 0}
TEACHER = {"seed": 1, "widths": (5, 8)}


def networks(student: dict | None = None, teacher: dict | None = None) -> tuple[Any, Any]:
    """A student of widths 4 and 6, maps of 4 x 4 and 2 x 2, and a teacher of widths 5 and 8, unless told otherwise."""
    return network(**STUDENT | (student or {})), network(**TEACHER | (teacher or {}))


def build(spec, nets, folder="no artefact is made") -> Any:
    known = shapes(*nets)
    spec.check(known)
    return spec.build(known, context(folder))


def outputs(nets) -> Any:
    return tuple(net(batch().images) for net in nets)


def loss_of(spec, nets, **when) -> Any:
    """The term's loss for the tiny batch, and the term."""
    term = build(spec, nets)
    return term(*outputs(nets), batch(), clock(**when)), term
