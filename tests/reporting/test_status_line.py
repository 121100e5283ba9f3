"""The current line: rewritten in place on a terminal, now and then a line in a log."""

import io

import pytest
from rich.console import Console

import raykd.reporting.status_line
from raykd.reporting.status_line import StatusLine, clock


def console(terminal: bool, width: int = 100) -> tuple[Console, io.StringIO]:
    written = io.StringIO()
    made = Console(file=written, force_terminal=terminal, width=width, highlight=False, soft_wrap=True, _environ={})
    return made, written


def test_a_log_gets_a_line_every_ten_seconds(monkeypatch: pytest.MonkeyPatch):
    now = 100.0
    monkeypatch.setattr(raykd.reporting.status_line.time, "monotonic", lambda: now)
    screen, written = console(terminal=False)
    with StatusLine(screen) as line:
        for second in range(25):
            now = 100.0 + second
            line.status(f"second {second}")
        assert not line.is_live
    assert written.getvalue() == "second 0\nsecond 11\nsecond 22\n"


def test_a_log_gets_all_that_is_said_as_it_is():
    screen, written = console(terminal=False, width=20)
    with StatusLine(screen) as line:
        line.say("a [bold] path that is longer than the line: /a/b")
        line.status("")
    assert written.getvalue() == "a [bold] path that is longer than the line: /a/b\n"


def test_a_terminal_shows_the_newest_status_and_nothing_stays_of_it():
    screen, written = console(terminal=True)
    with StatusLine(screen) as line:
        assert line.is_live
        line.status("first")
        line._live.refresh()
        line.status("second")
        line._live.refresh()
        line.say("this stays")
    shown, after = written.getvalue().rsplit("this stays", 1)
    assert "\x1b[2Ksecond" in shown
    assert after.endswith("\x1b[1A\x1b[2K")  # up to the line, and wiped
    assert not line.is_live


def test_a_terminal_shows_something_else_while_there_is_no_status():
    screen, written = console(terminal=True)
    with StatusLine(screen, otherwise=lambda: "2 of 3") as line:
        line._live.refresh()
        line.status("busy")
        line._live.refresh()
        line.status("")
        line._live.refresh()
    before, _, after = written.getvalue().partition("busy")
    assert "2 of 3" in before
    assert "2 of 3" in after


def test_a_narrow_terminal_cuts_the_line_instead_of_wrapping_it():
    screen, written = console(terminal=True, width=10)
    with StatusLine(screen) as line:
        line.status("0123456789abcdef")
        line._live.refresh()
    assert "012345678…" in written.getvalue()
    assert "abc" not in written.getvalue()


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0.4, "0:00"), (59.6, "1:00"), (61.0, "1:01"), (3599.0, "59:59"), (3600.0, "1:00:00"), (90061.0, "25:01:01")],
)
def test_clock(seconds: float, words: str):
    assert clock(seconds) == words
