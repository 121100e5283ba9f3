"""What is said of a search while it runs: trials done, the best so far, time left."""

import io

import pytest
from rich.console import Console

import raykd.reporting.progress
from raykd.reporting.progress import Progress


class Clock:
    now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(raykd.reporting.progress, "time", made)
    return made


def log() -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    return Console(file=written, width=200, highlight=False, soft_wrap=True, _environ={}), written


def test_a_log_gets_a_line_for_each_trial(clock: Clock):
    console, written = log()
    with Progress(4, console) as progress:
        progress.epoch()
        clock.now += 10
        progress.trial("trial-0", "val 0.5", 0.5)
        clock.now += 10
        progress.trial("trial-1", "stopped", None)
        clock.now += 10
        progress.trial("trial-2", "failed, no", None, failed=True)
        progress.trial("trial-3", "val 0.25", 0.25)
    assert written.getvalue().splitlines() == [
        "trial-0: val 0.5; 1 of 4 trials done, best so far 0.5000 (trial-0), about 0:30 left",
        "trial-1: stopped; 2 of 4 trials done, best so far 0.5000 (trial-0), about 0:20 left",
        "trial-2: failed, no; 3 of 4 trials done, 1 failed, best so far 0.5000 (trial-0), about 0:10 left",
        "trial-3: val 0.25; 4 of 4 trials done, 1 failed, best so far 0.5000 (trial-0), about 0:00 left",
    ]


def test_the_best_is_the_highest_that_ran_to_its_end(clock: Clock):
    progress = Progress(9, log()[0])
    for name, value in (("a", 0.0), ("b", None), ("c", 0.7), ("d", 0.7), ("e", 0.1)):
        progress.trial(name, "", value)
    assert (progress.best, progress.best_name) == (0.7, "c")


def test_a_resumed_search_counts_what_was_done_but_not_its_time(clock: Clock):
    console, written = log()
    progress = Progress(10, console)
    progress.resume({"a": 0.3, "b": None, "c": 0.8, "d": 0.2})
    progress.epoch()
    clock.now += 5
    progress.trial("e", "val 0.5", 0.5)
    assert written.getvalue() == "e: val 0.5; 5 of 10 trials done, best so far 0.8000 (c), about 0:25 left\n"


def test_nothing_done_yet(clock: Clock):
    progress = Progress(2, log()[0])
    progress.resume({})
    assert progress._summary() == "0 of 2 trials done, best so far none yet, 0:00 so far"
    progress.epoch()
    clock.now += 65
    assert progress._summary() == "0 of 2 trials done, best so far none yet, 1:05 so far"


def test_a_terminal_gets_one_line_and_no_line_for_each_trial():
    written = io.StringIO()
    console = Console(file=written, force_terminal=True, width=120, highlight=False, _environ={})
    with Progress(2, console) as progress:
        progress._line._live.refresh()
        progress.status("the teacher trains")
        progress._line._live.refresh()
        progress.epoch()
        progress.trial("trial-0", "its own words", 0.5)
        progress._line._live.refresh()
    before, _, after = written.getvalue().partition("the teacher trains")
    assert "0 of 2 trials done" in before
    assert "\x1b[2K1 of 2 trials done, best so far 0.5000 (trial-0)" in after
    assert "its own words" not in written.getvalue()
