"""How many threads compute a run of one's own is written into its recipe, and a run that goes on keeps them."""

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from raykd.cluster.tuner.trials import Trials
from raykd.commands.recipe_options import RequestedRecipe
from raykd.recipe import Recipe
from raykd.runs.run_folder import new_folder, old_folder
from raykd.storage.opening import open_storage
from raykd.studies.study import Study
from tiny import TinyData, recipe

CPU = torch.device("cpu")


def requested(spec: Recipe) -> RequestedRecipe:
    return RequestedRecipe(recipe=spec, label="tiny", values={}, types=(TinyData,))


def test_a_run_of_ones_own_says_how_many_it_takes():
    own = torch.get_num_threads()
    assert requested(recipe()).on(CPU).recipe == recipe(threads=own)
    assert requested(recipe(threads=own + 2)).on(CPU).recipe.threads == own + 2
    assert requested(recipe()).on(torch.device("cuda")).recipe.threads is None


def test_a_run_that_goes_on_keeps_its_number(tmp_path: Path):
    storage = open_storage(str(tmp_path))
    folder = new_folder(storage, "run", "tiny", recipe(threads=7))
    assert old_folder(tmp_path, "run", "tiny", recipe(), (TinyData,)) == folder
    assert requested(recipe()).on(CPU, threads=7).recipe.threads == 7
    with pytest.raises(ValueError, match="has another recipe: threads is 7 there and 2 here"):
        old_folder(tmp_path, "run", "tiny", recipe(threads=2), (TinyData,))


def test_trials_have_the_searchs_number_unless_the_study_says_another(tmp_path: Path):
    for own, expected in ((None, 3), (5, 5)):
        trials = Trials(Study(recipe=recipe(threads=own)), tmp_path, open_storage(str(tmp_path)), threads=3)
        for config in ({"baseline": "plain KD"}, {"values": {}, "number": 0}):
            assert trials.recipe(config).threads == expected
            assert replace(trials, threads=None).recipe(config).threads == own
