"""How many trials Tune is given: what the driver wants now, whatever a search was started with."""

from dataclasses import replace
from types import SimpleNamespace

import pytest
from controllers import searching
from ray.tune.experiment import Experiment

from raykd.cluster.tuner.callback import ProgressCallback
from raykd.cluster.tuner.confirming import ConfirmingSearch
from raykd.cluster.tuner.suggestions import TrialGenerator
from raykd.protocols.event import TotalChanged
from raykd.studies.confirmation import Confirmation

pytestmark = [
    pytest.mark.usefixtures("ray_cluster"),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
]


def trainable(config):
    """Is never run."""


def started(study, total, slots, folder):
    ConfirmingSearch.begin(total, Confirmation(seeds=0, finalists=1))
    made = TrialGenerator(searching(study, folder), slots)
    made.add_configurations([Experiment("search", trainable, storage_path=str(folder))])
    return made


def ask(suggestions, most=20):
    """Trials until there is none for now."""
    asked = []
    while len(asked) < most and (trial := suggestions.next_trial()) is not None:
        asked.append(trial)
    return asked


def end(suggestions, trials):
    for index, trial in enumerate(trials):
        told = {"val/accuracy": index / 10, "epoch": 1, "finished": True}
        suggestions.on_trial_complete(trial.trial_id, told)


def test_no_more_at_a_time_than_slots_and_no_more_at_all_than_wanted(study, tmp_path):
    suggestions = started(study, 4, 3, tmp_path)
    first = ask(suggestions)
    assert len(first) == 3
    assert not suggestions.is_finished()
    end(suggestions, first)
    last = ask(suggestions)
    assert len(last) == 1
    end(suggestions, last)
    assert ask(suggestions) == []
    assert suggestions.is_finished()
    assert TrialGenerator.is_over


def test_a_search_without_any_further_setting_ends_and_says_so_once(study, tmp_path, monkeypatch):
    dropped = {path: None for path in study.every_range() if path not in study.choices}
    small = replace(study, ranges=study.ranges | dropped)
    told = []
    monkeypatch.setattr(ProgressCallback, "driver", SimpleNamespace(tell=told.append))
    suggestions = started(small, 40, 40, tmp_path)
    asked = ask(suggestions, most=40)
    # KD, QUEST, two routes and two swaps: all 16 combinations work, and the student alone has other labels than these.
    assert len(asked) == 17
    assert not suggestions.is_finished()
    end(suggestions, asked)
    assert suggestions.next_trial() is None
    assert suggestions.is_finished()
    assert told == [TotalChanged(total=17, why="the study has no other setting than these")]


def test_all_trials_share_one_folder_of_tunes(study, tmp_path):
    trials = ask(started(study, 4, 3, tmp_path))
    for trial in trials:
        trial.init_local_path()  # as Tune does before it starts one
    assert len({trial.local_path for trial in trials}) == 1


def test_a_search_that_is_to_stop_gets_no_new_trial(study, tmp_path, monkeypatch):
    suggestions = started(study, 4, 3, tmp_path)
    monkeypatch.setattr(ProgressCallback, "stopping", True)
    assert ask(suggestions) == []
