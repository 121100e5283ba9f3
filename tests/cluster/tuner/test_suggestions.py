"""How many trials Tune is given: what the driver wants now, whatever a search was started with."""

import pickle
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


def begun(study, total, slots, folder):
    ConfirmingSearch.begin(total, Confirmation(seeds=0, finalists=1))
    TrialGenerator.begin(slots)
    return TrialGenerator(searching(study, folder))


def started(study, total, slots, folder):
    made = begun(study, total, slots, folder)
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


def test_a_finished_search_is_given_more_trials_and_other_slots(study, tmp_path):
    finished = started(study, 4, 4, tmp_path)
    end(finished, ask(finished))
    resumed = begun(study, 7, 2, tmp_path)
    resumed.go_on(pickle.loads(pickle.dumps(finished.to_save())))
    assert not resumed.is_finished()
    more = ask(resumed)
    assert [trial.config["number"] for trial in more] == [
        2,
        3,
    ]  # after two baselines, a first setting, and a draw
    end(resumed, more)
    last = ask(resumed)
    assert [trial.config["number"] for trial in last] == [4]
    end(resumed, last)
    assert ask(resumed) == []
    assert resumed.is_finished()
    known = resumed.to_save()["search"]["search"]["optuna"].trials  # both baselines are settings of the study
    assert [trial.value for trial in known[:6]] == [0.0, 0.1, 0.2, 0.3, 0.0, 0.1]


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
    resumed = begun(small, 40, 40, tmp_path)
    resumed.go_on(pickle.loads(pickle.dumps(suggestions.to_save())))
    assert ask(resumed) == []
    assert resumed.is_finished()


def test_all_trials_share_one_folder_of_tunes(study, tmp_path):
    trials = ask(started(study, 4, 3, tmp_path))
    for trial in trials:
        trial.init_local_path()  # as Tune does before it starts one
    assert len({trial.local_path for trial in trials}) == 1


def test_a_search_that_tune_cannot_go_on_with_is_not_begun_anew(study, tmp_path):
    made = begun(study, 4, 3, tmp_path)
    TrialGenerator.begin(3, resuming=True)
    with pytest.raises(
        RuntimeError, match=r"^Tune cannot go on from the state that it saved; why, it says in ray.log$"
    ):
        made.add_configurations([Experiment("search", trainable, storage_path=str(tmp_path))])


def test_a_search_that_is_to_stop_gets_no_new_trial(study, tmp_path, monkeypatch):
    suggestions = started(study, 4, 3, tmp_path)
    monkeypatch.setattr(ProgressCallback, "stopping", True)
    assert ask(suggestions) == []
