"""What ranks find when they look for a command: all of them the same, at the same step, however far apart they are."""

import random
import threading
import time
from typing import Any

import pytest
import ray

from raykd.cluster.workers.looks import Looks
from raykd.cluster.workers.mailbox import END, JOB, NEXT, Mailbox

pytestmark = [pytest.mark.usefixtures("ray_cluster"), pytest.mark.timeout(120)]

STEPS = 4000


@pytest.fixture
def mailbox():
    actor: Any = ray.remote(num_cpus=0)(Mailbox).remote()
    ray.get(actor.post.remote(JOB, b"a"))
    yield actor
    ray.kill(actor)


def train(looks, steps, seed, ended):
    """An epoch's steps on one rank, each of another length; gives after how many it was given up, or None."""
    dice = random.Random(seed)
    for step in range(steps):
        if looks.is_over():
            ended.append(step)
            return
        time.sleep(dice.random() * 0.004)
    ended.append(None)


@pytest.mark.parametrize("kind", [JOB, END])
def test_ranks_that_are_apart_stop_at_the_same_step(kind, mailbox):
    ranks = [Looks(mailbox) for _ in range(3)]
    ended = [[] for _ in ranks]
    for looks in ranks:
        looks.begin(1)
    threads = [
        threading.Thread(target=train, args=(looks, STEPS, seed, end))
        for seed, (looks, end) in enumerate(zip(ranks, ended, strict=True))
    ]
    for thread in threads:
        thread.start()
        time.sleep(0.2)
    ray.get(mailbox.post.remote(kind, b"b"))
    for thread in threads:
        thread.join()
    assert ended == [ended[0]] * 3
    assert ended[0][0] is not None and 0 < ended[0][0] < STEPS


def test_an_epoch_that_is_asked_for_is_not_given_up_and_looked_after_no_more(mailbox):
    looks, ended = Looks(mailbox), []
    looks.begin(1)
    ray.get(mailbox.post.remote(NEXT))
    train(looks, 20, 0, ended)
    ray.get(mailbox.post.remote(JOB, b"b"))
    train(looks, 20, 0, ended)
    assert ended == [None, None]


def test_short_epochs_are_not_looked_after_again_before_a_second_has_passed(mailbox):
    looks, ended = Looks(mailbox), []
    for place in (1, 2, 3):
        looks.begin(place)
        train(looks, 20, 0, ended)
    assert looks._every > 20 and looks._asked is None
    assert ended == [None] * 3
