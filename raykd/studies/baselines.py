"""What every search is compared with: the student alone, and plain knowledge distillation."""

import dataclasses

from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.fresh import Fresh
from raykd.methods.iakd import NoSwap
from raykd.methods.kd import KD
from raykd.methods.rco import FinalTeacher
from raykd.recipe import Recipe

ALONE = "student alone"
PLAIN_KD = "plain KD"


def baselines(recipe: Recipe) -> dict[str, Recipe]:
    """The same student, data, optimiser, epochs and seed on labels alone, and with plain KD.

    KD is at the reference benchmark's setting: 0.1 of the labels, 0.9 of the teacher at temperature 4.
    """
    terms = (CrossEntropy(weight=0.1), KD(weight=0.9, temperature=4.0))
    plain = dataclasses.replace(recipe, start=Fresh(), terms=terms, route=FinalTeacher(), swap=NoSwap())
    return {ALONE: recipe.alone(), PLAIN_KD: plain}
