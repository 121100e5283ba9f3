"""What of an earlier search's journal a new sampler is told: what is a setting of its study, and has a result."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import FloatDistribution
from optuna.storages import JournalStorage
from optuna.storages.journal import JournalFileBackend
from optuna.trial import TrialState

import raykd
import tiny
from raykd.errors import InvalidError, MissingError
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.protocols.event import METRIC, EpochEnded, SearchBegan, TrialBegan, TrialEnded
from raykd.protocols.outcome import TrialOutcome
from raykd.runs.optuna_journal import OptunaJournal
from raykd.runs.warm_start import read_warm_start
from raykd.storage.layout import JOURNAL
from raykd.storage.local import LocalStorage
from raykd.studies.study import Study

STUDY = Study(
    recipe=tiny.recipe(epochs=3),
    choices={"terms/kd": {"on": KD(), "off": None}, "terms/quest": {"off": None, "on": Quest(words=16)}},
    ranges={"optimiser/lr": FloatDistribution(0.01, 0.2, log=True)},
)
ON, OFF = STUDY.complete({"terms/quest": "on", "optimiser/lr": 0.15}), STUDY.complete({"optimiser/lr": 0.02})


def search(folder: Path, *trials: tuple[Mapping[str, Any], str, float, int]) -> Path:
    """A search that has trained settings: each with its outcome, its last accuracy and its epochs."""
    folder.mkdir()
    listener = OptunaJournal(STUDY, LocalStorage(root=folder.parent))
    listener(SearchBegan(folder=folder, total=9, ranges=STUDY.every_range()))
    for number, (values, kind, accuracy, epochs) in enumerate(trials):
        name = f"trial-{number:04}-a"
        listener(TrialBegan(trial=name, setting="words", values=values))
        for epoch in range(1, epochs + 1):
            metrics = {METRIC: accuracy if epoch == epochs else 0.1}
            listener(EpochEnded(trial=name, number=epoch, epochs=3, metrics=metrics))
        if kind != "running":
            listener(TrialEnded(trial=name, outcome=TrialOutcome(kind=kind, accuracy=accuracy, epochs=epochs)))
    return folder


def test_trials_come_with_their_ends_and_last_epochs_and_those_without_a_result_do_not_count(tmp_path: Path):
    folder = search(
        tmp_path / "search",
        (ON, "complete", 0.5, 3),
        (OFF, "stopped", 0.25, 2),
        (ON, "diverged", 0.0, 2),
        (ON, "failed", 0.3, 1),
        (ON, "running", 0.3, 1),
    )
    found = read_warm_start(folder, STUDY)
    told = [(trial.state, trial.params, trial.intermediate_values) for trial in found.known]
    assert told == [
        (TrialState.COMPLETE, ON, {3: 0.5}),
        (TrialState.PRUNED, OFF, {2: 0.25}),
        (TrialState.COMPLETE, ON, {2: 0.0}),
    ]
    assert found.known[0].value == 0.5
    file = folder / JOURNAL
    assert str(found) == f"warm start: 3 of 3 trials of {file} are known to the sampler"
    assert [trial.params for trial in read_warm_start(file, STUDY).known] == [ON, OFF, ON]


@pytest.mark.parametrize(
    "changes",
    [
        {"ranges": {"optimiser/lr": FloatDistribution(0.01, 0.1)}},  # the value lies outside
        {"ranges": {"optimiser/lr": None}},  # it has no such range
        {"choices": {"terms/kd": {"on": KD(), "off": None}}},  # nor such a choice
        {"choices": {**STUDY.choices, "terms/quest": {"off": None, "other": Quest(words=16)}}},  # nor such an option
        {"choices": {**STUDY.choices, "swap": {"off": STUDY.recipe.swap}}},  # one that was not chosen there
    ],
)
def test_what_is_no_setting_of_the_study_is_left_out(changes: dict[str, Any], tmp_path: Path):
    folder = search(tmp_path / "search", (ON, "complete", 0.5, 3), (OFF, "complete", 0.5, 3))
    found = read_warm_start(folder, replace(STUDY, **changes))
    assert ON not in [trial.params for trial in found.known]
    assert found.left_out == 2 - len(found.known) > 0
    assert str(found).endswith(f", {found.left_out} left out: not within this study's space")


def test_a_path_without_a_journal_is_refused_in_one_line(tmp_path: Path):
    with pytest.raises(MissingError, match=r"warm start: no .*/optuna\.journal; needs the folder of a search"):
        read_warm_start(tmp_path, STUDY)
    assert not (tmp_path / JOURNAL).exists()


def test_a_file_that_is_none_and_a_study_of_another_kind_are_refused_in_one_line(tmp_path: Path):
    text = tmp_path / "notes.txt"
    text.write_text("no journal\nat all\n")
    with pytest.raises(InvalidError, match=r"notes\.txt is no journal of Optuna's"):
        read_warm_start(text, STUDY)
    loss = tmp_path / "loss.journal"
    optuna.create_study(storage=JournalStorage(JournalFileBackend(str(loss))), direction="minimize")
    with pytest.raises(InvalidError, match=r"loss\.journal needs one study, of one value to be maximised"):
        read_warm_start(loss, STUDY)


def test_a_search_that_goes_on_is_not_begun_once_more(tmp_path: Path):
    with pytest.raises(InvalidError, match="warm_start begins a new search"):
        raykd.tune(STUDY, storage=tmp_path, resume=True, warm_start=tmp_path)
