"""What is said of a search while it runs: trials done, the best so far, time left."""

import io
import logging

import pytest
from rich.console import Console

import raykd.reporting.progress
from raykd.protocols.event import Doing, EpochEnded, Said, SearchResumed, TotalChanged, TrialEnded
from raykd.protocols.outcome import TrialOutcome
from raykd.reporting.progress import Progress
from waiting import Clock

EPOCH = EpochEnded(trial="trial-0", number=1, epochs=4, metrics={"val/accuracy": 0.5})


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(raykd.reporting.progress, "time", made)
    return made


def ended(trial: str, kind: str, accuracy: float | None, error: str = "") -> TrialEnded:
    return TrialEnded(trial=trial, outcome=TrialOutcome(kind=kind, accuracy=accuracy, epochs=2), error=error)


def log() -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, width=200, highlight=False, soft_wrap=True, _environ={}), written


def test_a_log_gets_a_line_for_each_trial(clock: Clock):
    console, written = log()
    with Progress(5, console) as progress:
        progress(Said(text="joined a cluster"))
        progress(EPOCH)
        clock.now += 10
        progress(ended("trial-0", "complete", 0.5))
        clock.now += 10
        progress(ended("trial-1", "stopped", 0.75))
        clock.now += 10
        progress(ended("trial-2", "failed", None, "ValueError: no"))
        progress(ended("trial-3", "complete", 0.25))
        progress(ended("trial-4", "diverged", 0.0))
    assert written.getvalue().splitlines() == [
        "joined a cluster",
        "trial-0: val/accuracy 0.5000 after 2 epochs; 1 of 5 trials done, best so far 0.5000 (trial-0), "
        "about 0:40 left",
        "trial-1: val/accuracy 0.7500 after 2 epochs, stopped; 2 of 5 trials done, best so far 0.5000 (trial-0), "
        "about 0:30 left",
        "trial-2: failed, ValueError: no; 3 of 5 trials done, 1 failed, best so far 0.5000 (trial-0), about 0:20 left",
        "trial-3: val/accuracy 0.2500 after 2 epochs; 4 of 5 trials done, 1 failed, best so far 0.5000 (trial-0), "
        "about 0:08 left",
        "trial-4: diverged in epoch 2; 5 of 5 trials done, 1 failed, best so far 0.5000 (trial-0), about 0:00 left",
    ]


def test_a_search_without_further_settings_counts_what_there_are(clock: Clock):
    console, written = log()
    with Progress(9, console) as progress:
        progress(TotalChanged(total=2, why="the study has no other setting than these"))
        progress(ended("trial-0", "complete", 0.5))
    said, done = written.getvalue().splitlines()
    assert said == "the study has no other setting than these: the search ends with 2 trials"
    assert "1 of 2 trials done" in done


def test_of_the_confirmation_none_is_the_best(clock: Clock):
    console, written = log()
    with Progress(9, console) as progress:
        progress(ended("trial-0", "complete", 0.5))
        progress(TotalChanged(total=4))
        progress(ended("confirm-01-trial-0", "complete", 0.6))
    assert "2 of 4 trials done, best so far 0.5000 (trial-0)" in written.getvalue().splitlines()[-1]


def test_the_best_is_the_highest_that_ran_to_its_end(clock: Clock):
    progress = Progress(9, log()[0])
    for name, kind, value in (
        ("a", "complete", 0.0),
        ("b", "stopped", 0.9),
        ("c", "complete", 0.7),
        ("d", "complete", 0.7),
        ("e", "complete", 0.1),
    ):
        progress(ended(name, kind, value))
    assert (progress.best, progress.best_name) == (0.7, "c")


def test_a_resumed_search_counts_what_was_done_but_not_its_time(clock: Clock):
    console, written = log()
    progress = Progress(10, console)
    before = (("a", "complete", 0.3), ("b", "stopped", 0.9), ("c", "complete", 0.8), ("d", "complete", 0.2))
    progress(SearchResumed(ended={name: ended(name, kind, value).outcome for name, kind, value in before}))
    progress(EPOCH)
    clock.now += 5
    progress(ended("e", "complete", 0.5))
    said = "e: val/accuracy 0.5000 after 2 epochs; 5 of 10 trials done, best so far 0.8000 (c), about 0:25 left\n"
    assert written.getvalue() == said


def test_nothing_done_yet(clock: Clock):
    progress = Progress(2, log()[0])
    progress(SearchResumed(ended={}))
    assert progress._summary() == "0 of 2 trials done, best so far none yet, 0:00 so far"
    progress(EPOCH)
    clock.now += 65
    assert progress._summary() == "0 of 2 trials done, best so far none yet, 1:05 so far"


def test_a_terminal_gets_one_line_and_no_line_for_each_trial():
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=120, highlight=False, _environ={})
    with Progress(2, console) as progress:
        progress._line._live.refresh()
        progress(Doing(text="the teacher trains"))
        progress._line._live.refresh()
        progress(EPOCH)
        progress(ended("trial-0", "complete", 0.5))
        progress._line._live.refresh()
    before, _, after = written.getvalue().partition("the teacher trains")
    assert "0 of 2 trials done" in before
    assert "\x1b[2K1 of 2 trials done, best so far 0.5000 (trial-0)" in after
    assert "after 2 epochs" not in written.getvalue()


@pytest.mark.parametrize(("level", "said"), [("NOTSET", "a line\n"), ("INFO", "a line\n"), ("WARNING", "")])
def test_whoever_silences_the_logger_sees_no_progress(level: str, said: str, capsys: pytest.CaptureFixture[str]):
    logger = logging.getLogger("raykd")
    logger.setLevel(level)
    try:
        with Progress(2) as progress:
            progress(Said(text="a line"))
    finally:
        logger.setLevel(logging.NOTSET)
    assert capsys.readouterr().out == said
