"""One group makes what all trials share, the others wait, and the driver hears of it, of its end and of its failure."""

import contextlib
import functools
import time
import uuid
from collections.abc import Iterator
from threading import Thread
from typing import Any

import pytest
import ray
from ray import cloudpickle

from raykd.cluster.workers.mailbox import Mailbox
from raykd.cluster.workers.preparation import Preparation
from raykd.errors import FailureError, InvalidError
from waiting import wait_until

pytestmark = [pytest.mark.usefixtures("ray_cluster"), pytest.mark.timeout(120)]


def preparation(make: Any) -> Preparation:
    return Preparation(key=uuid.uuid4().hex, make=cloudpickle.dumps(make))  # pyright: ignore


@contextlib.contextmanager
def mailbox() -> Iterator[str]:
    """The name of one, as long as it lives."""
    name = f"mailbox {uuid.uuid4().hex}"
    actor: Any = ray.remote(num_cpus=0)(Mailbox).options(name=name).remote()  # pyright: ignore[reportAttributeAccessIssue]
    ray.get(actor.__ray_ready__.remote())
    yield name
    ray.kill(actor)


def heard(what: Preparation) -> list[Any]:
    """All that the driver is told until it is made."""
    told: list[Any] = []
    wait_until(functools.partial(what.look, told.append))
    return told


def tells(tell: Any) -> None:
    for number in range(20):
        tell(number)


def test_one_makes_it_and_the_driver_hears_of_it():
    what = preparation(tells)
    assert not what.look(lambda event: None)
    with mailbox() as first, mailbox() as second:
        assert what.take_part(first)
        assert what.take_part(second)
        assert heard(what) == list(range(20)), "each of it, in order, once"
    what.forget()
    assert not what.look(lambda event: None)


def test_the_others_wait(tmp_path):
    def slow(tell: Any) -> None:
        tell("begun")
        until = time.monotonic() + 60
        while not (tmp_path / "go").exists() and time.monotonic() < until:
            time.sleep(0.01)

    what, may = preparation(slow), list[bool]()
    with mailbox() as first, mailbox() as second:
        maker = Thread(target=what.take_part, args=(first,))
        maker.start()
        told: list[Any] = []
        wait_until(lambda: what.look(told.append) or bool(told))
        waiting = Thread(target=lambda: may.append(what.take_part(second)))
        waiting.start()
        time.sleep(0.5)
        assert (told, may) == (["begun"], [])
        (tmp_path / "go").touch()
        maker.join()
        waiting.join()
    assert may == [True]


@pytest.mark.parametrize("error", [InvalidError("a rule"), ZeroDivisionError("a fault")])
def test_what_it_fails_with_is_raised_in_the_driver_and_no_trial_begins(error: Exception):
    def fails(tell: Any) -> None:
        tell("begun")
        raise error

    what, told = preparation(fails), list[Any]()
    with mailbox() as name:
        assert not what.take_part(name)
    with pytest.raises(type(error), match=str(error)):
        what.look(told.append)
    assert told == ["begun"]


def test_where_its_group_is_gone_another_makes_it():
    what = preparation(tells)
    what._put("maker", b"a mailbox that is gone")
    with mailbox() as other:
        assert what.take_part(other)
    assert heard(what) == list(range(20))


def test_what_kills_its_worker_again_and_again_is_given_up():
    def dies(tell: Any) -> None:
        raise SystemExit  # as far as the table can tell, the worker has died

    what = preparation(dies)
    with mailbox() as name:
        for _ in range(3):
            with pytest.raises(SystemExit):
                what.take_part(name)
        assert not what.take_part(name)
    with pytest.raises(FailureError, match="killed its worker 3 times"):
        what.look(lambda event: None)
