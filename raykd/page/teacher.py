"""The teacher's route, where the storage has it: how good the teacher was at each of its checkpoints."""

from collections.abc import Sequence
from typing import Any

import torch

from raykd.data.dataset import load
from raykd.errors import MissingError
from raykd.page.evidence import Evidence
from raykd.page.style import BASELINE, BEST, TEACHER, Drawing, figure, percent
from raykd.protocols.context import BuildContext
from raykd.protocols.teacher import TeacherRoute
from raykd.recipe import Recipe
from raykd.storage.artifacts import NotMadeError, open_store
from raykd.storage.local import LocalStorage
from raykd.studies.baselines import PLAIN_KD


def route_of(evidence: Evidence, recipe: Recipe) -> TeacherRoute:
    """The route that a recipe's teacher has in the search's storage; nothing is made.

    Raises:
        FileNotFoundError: it has none, or it is not there (any more), or the data set is not on this machine.
    """
    if recipe.teacher is None:
        raise MissingError("the recipe has no teacher")
    try:
        return recipe.teacher.route(context_of(evidence, recipe))
    except NotMadeError:
        raise MissingError("the storage does not have the teacher's checkpoints") from None


def context_of(evidence: Evidence, recipe: Recipe, route: TeacherRoute | None = None) -> BuildContext:
    """What a recipe's parts get what the search's storage has from, on the CPU; what is asked for and not there raises
    `NotMadeError`.
    """
    store = open_store(LocalStorage(root=evidence.folder.parent.absolute()), makes=())
    return BuildContext(data=recipe.data, dataset=load(recipe.data, torch.device("cpu")), store=store, teacher=route)


def teacher(evidence: Evidence, records: Sequence[dict[str, Any]]) -> list[Drawing]:
    """The accuracy of each checkpoint by epoch, beside those of the best student and of plain KD."""
    made = figure(330, showlegend=True, hovermode="closest")
    epochs = [record["epoch"] for record in records]
    made.add_scatter(
        x=epochs,
        y=[percent(record["accuracy"]) for record in records],
        mode="lines+markers",
        name="teacher",
        line={"color": TEACHER, "width": 2.5},
        hovertemplate="epoch %{x}: %{y:.1f} %<extra>teacher</extra>",
    )
    for name, trial, colour in (("the best student", evidence.best, BEST), (PLAIN_KD, evidence.plain_kd, BASELINE)):
        if trial is not None and trial.accuracy is not None:
            made.add_scatter(
                x=[min(epochs), max(epochs)],
                y=[percent(trial.accuracy)] * 2,
                mode="lines",
                name=f"{name}, at its end",
                line={"color": colour, "dash": "dash"},
                hovertemplate=f"{trial.name}: %{{y:.1f}} %<extra></extra>",
            )
    made.update_xaxes(title="epoch of the teacher")
    made.update_yaxes(title="validation, %")
    return [Drawing(title="The teacher's route", figure=made)]
