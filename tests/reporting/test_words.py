"""What the logger `raykd` gets of a search."""

import logging

import pytest

from raykd.protocols.event import ArtifactMade, Doing, Said, SearchResumed, SearchStopping, TrialEnded
from raykd.protocols.outcome import TrialOutcome
from raykd.reporting.words import log

SPOKEN = (
    (Said(text="joined, 100% of it"), "joined, 100% of it"),
    (Doing(text="teacher: epoch 1 of 2"), "teacher: epoch 1 of 2"),
    (ArtifactMade(kind="codebook", key="0123456789abcdef", seconds=1.25), "codebook: 01234567 is made, in 1.2 s"),
    (SearchStopping(), "stopping after the running epochs"),
    (
        TrialEnded(trial="t", outcome=TrialOutcome(kind="stopped", accuracy=0.5, epochs=2)),
        "t: val/accuracy 0.5000 after 2 epochs, stopped",
    ),
)


def test_what_can_be_said_in_words_is_logged(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.INFO, "raykd"):
        for event, _ in SPOKEN:
            log(event)
        log(SearchResumed(ended={}))
    assert caplog.messages == [words for _, words in SPOKEN]
    assert {(record.name, record.levelname) for record in caplog.records} == {("raykd.reporting.words", "INFO")}


def test_nothing_is_logged_above_its_level(caplog: pytest.LogCaptureFixture):
    with caplog.at_level(logging.WARNING, "raykd"):
        log(SPOKEN[0][0])
    assert caplog.records == []
