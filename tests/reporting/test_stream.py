"""Everybody who listens hears every event, and a user's listener that fails ends no search."""

import pytest

from raykd.protocols.event import Doing, Event, Said
from raykd.reporting.stream import EventStream

ONE, TWO, THREE = Said(text="one"), Doing(text="two"), Said(text="three")


def test_all_hear_every_event_in_order_and_a_users_own_after_raykds():
    heard: list[tuple[str, Event]] = []
    own, guest = (lambda event, who=who: heard.append((who, event)) for who in ("own", "guest"))
    stream = EventStream(own, guests=[guest])
    stream(ONE)
    stream(TWO)
    assert heard == [("own", ONE), ("guest", ONE), ("own", TWO), ("guest", TWO)]


def test_a_users_listener_that_raises_is_logged_once_with_its_traceback_and_dropped(caplog: pytest.LogCaptureFixture):
    heard, failed = list[Event](), list[Event]()

    def fails(event: Event) -> None:
        if event == TWO:
            failed.append(event)
            raise ZeroDivisionError("no number")

    stream = EventStream(guests=[fails, heard.append])
    for event in (ONE, TWO, TWO, THREE):
        stream(event)
    assert heard == [ONE, TWO, TWO, THREE]
    assert failed == [TWO]
    (record,) = caplog.records
    assert (record.name, record.levelname) == ("raykd.reporting.stream", "ERROR")
    assert record.getMessage() == (
        "a listener failed at Doing(text='two') and is told nothing more; the search goes on"
    )
    assert "ZeroDivisionError: no number" in caplog.text


def test_a_fault_of_raykds_own_is_not_hidden():
    def fails(event: Event) -> None:
        raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        EventStream(fails)(ONE)


def test_ctrl_c_while_a_listener_is_at_work_is_ctrl_c():
    def slow(event: Event) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        EventStream(guests=[slow])(ONE)
