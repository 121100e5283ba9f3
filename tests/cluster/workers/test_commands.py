"""A worker's place among the commands: each is read once, in order, and looked at before it is needed."""

from concurrent.futures import Future
from typing import Any

import pytest
import ray

from raykd.cluster.workers.commands import Commands
from raykd.cluster.workers.mailbox import JOB, NEXT, Mailbox
from waiting import wait_until

pytestmark = [pytest.mark.usefixtures("ray_cluster"), pytest.mark.timeout(60)]


@pytest.fixture
def mailbox():
    actor: Any = ray.remote(num_cpus=0)(Mailbox).remote()
    yield actor
    ray.kill(actor)


def test_commands_are_taken_in_order_and_looking_takes_none(mailbox):
    commands = Commands(mailbox, 0)
    assert not commands.is_over()
    for command in ((JOB, b"a"), (NEXT,), (JOB, b"b")):
        ray.get(mailbox.post.remote(*command))
    assert commands.take() == (JOB, b"a")
    assert commands.asks() and commands.asks() and not commands.is_over()
    assert commands.take() == (NEXT, b"")
    wait_until(commands.is_over)
    assert not commands.asks()
    assert commands.take() == (JOB, b"b")
    assert commands.place == 3


def test_waiting_ends_with_the_error_of_what_is_waited_for_too(mailbox):
    failed = Future[None]()
    failed.set_exception(ZeroDivisionError("written behind"))
    with pytest.raises(ZeroDivisionError, match="written behind"):
        Commands(mailbox, 0).asks(unless=failed)
