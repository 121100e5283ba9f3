"""Which recipes give one and the same run: what a search asks before it trains a setting."""

import dataclasses

from raykd.recipe import Recipe, asks_for_teacher
from raykd.space.serialise import fingerprint


def identity(recipe: Recipe) -> str:
    """A hash of what a recipe trains; 32 digits.

    Terms of weight 0, which a run leaves out, and a teacher that nothing asks make no difference. So labels alone are
    one recipe, whether a study has come to them by its choices or as the baseline that has no teacher.
    """
    active = dataclasses.replace(recipe, terms=recipe.active_terms)
    return fingerprint(active if asks_for_teacher(active) else dataclasses.replace(active, teacher=None))
