"""The clock that faults.py sets: it jumps under running processes, and waits do what Linux does when a clock is set."""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest
from clock import Clock, what_is_lacking

pytestmark = pytest.mark.skipif(bool(what_is_lacking()), reason=what_is_lacking())

DAY_S = 86_400
FAR_MS, LATE_MS = 60_000, 30_000
# Waits in one of C's ways until a moment some milliseconds ahead, and prints how many it took by the steady clock.
WAITS = r"""
#define _GNU_SOURCE
#include <linux/futex.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

static pthread_cond_t condition = PTHREAD_COND_INITIALIZER, steady_condition;
static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER, taken = PTHREAD_MUTEX_INITIALIZER;
static sem_t semaphore;

static struct timespec in(clockid_t clock, long milliseconds) {
    struct timespec moment;
    clock_gettime(clock, &moment);
    moment.tv_nsec += milliseconds % 1000 * 1000000;
    moment.tv_sec += milliseconds / 1000 + moment.tv_nsec / 1000000000;
    moment.tv_nsec %= 1000000000;
    return moment;
}

static void *signal_late(void *nothing) { /* no slice of the wait is under way when the signal comes */
    pthread_mutex_lock(&mutex);
    usleep(200000);
    pthread_cond_signal(&condition);
    pthread_mutex_unlock(&mutex);
    return nothing;
}

int main(int count, char **words) {
    const char *way = words[1];
    long milliseconds = atol(words[2]);
    struct timespec until = in(CLOCK_REALTIME, milliseconds), steady = in(CLOCK_MONOTONIC, milliseconds);
    struct timespec begun = in(CLOCK_MONOTONIC, 0), ended;
    pthread_condattr_t kind;
    pthread_t thread;
    int word = 0, futex = FUTEX_WAIT_BITSET | FUTEX_PRIVATE_FLAG;
    pthread_condattr_init(&kind);
    pthread_condattr_setclock(&kind, CLOCK_MONOTONIC);
    pthread_cond_init(&steady_condition, &kind);
    sem_init(&semaphore, 0, 0);
    pthread_mutex_lock(&mutex);
    pthread_mutex_lock(&taken);
    puts("waiting");
    fflush(stdout);
    if (!strcmp(way, "condition")) pthread_cond_timedwait(&condition, &mutex, &until);
    if (!strcmp(way, "condition, clock")) pthread_cond_clockwait(&condition, &mutex, CLOCK_REALTIME, &until);
    if (!strcmp(way, "semaphore")) sem_timedwait(&semaphore, &until);
    if (!strcmp(way, "semaphore, clock")) sem_clockwait(&semaphore, CLOCK_REALTIME, &until);
    if (!strcmp(way, "mutex")) pthread_mutex_timedlock(&taken, &until);
    if (!strcmp(way, "mutex, clock")) pthread_mutex_clocklock(&taken, CLOCK_REALTIME, &until);
    if (!strcmp(way, "sleep")) clock_nanosleep(CLOCK_REALTIME, TIMER_ABSTIME, &until, NULL);
    if (!strcmp(way, "futex")) syscall(SYS_futex, &word, futex | FUTEX_CLOCK_REALTIME, 0, &until, NULL, -1);
    if (!strcmp(way, "steady condition")) pthread_cond_timedwait(&steady_condition, &mutex, &steady);
    if (!strcmp(way, "steady condition, clock"))
        pthread_cond_clockwait(&condition, &mutex, CLOCK_MONOTONIC, &steady);
    if (!strcmp(way, "steady semaphore")) sem_clockwait(&semaphore, CLOCK_MONOTONIC, &steady);
    if (!strcmp(way, "steady sleep")) clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &steady, NULL);
    if (!strcmp(way, "steady futex")) syscall(SYS_futex, &word, futex, 0, &steady, NULL, -1);
    if (!strcmp(way, "signalled")) {
        pthread_create(&thread, NULL, signal_late, NULL);
        pthread_cond_timedwait(&condition, &mutex, &until);
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    printf("%ld\n", (ended.tv_sec - begun.tv_sec) * 1000 + (ended.tv_nsec - begun.tv_nsec) / 1000000);
    return 0;
}
"""
SET = ("condition", "condition, clock", "semaphore", "semaphore, clock", "mutex", "mutex, clock", "sleep", "futex")
STEADY = ("steady condition", "steady condition, clock", "steady semaphore", "steady sleep", "steady futex")
# What the clocks of Python and of a child say, and how long waits for a tenth of a second take, for each line.
PYTHON = """
import asyncio, datetime, json, queue, subprocess, sys, threading, time

def in_a_condition():
    with (condition := threading.Condition()):
        condition.wait(0.1)

def in_a_queue():
    try:
        queue.Queue().get(timeout=0.1)
    except queue.Empty:
        pass

def seconds(wait):
    begun = time.monotonic()
    wait()
    return time.monotonic() - begun

for line in sys.stdin:
    child = float(subprocess.check_output(["date", "+%s"]))
    waits = {
        "time.sleep": lambda: time.sleep(0.1),
        "Condition.wait": in_a_condition,
        "Event.wait": lambda: threading.Event().wait(0.1),
        "Queue.get": in_a_queue,
        "asyncio.sleep": lambda: asyncio.run(asyncio.sleep(0.1)),
        "sleep": lambda: subprocess.run(["sleep", "0.1"]),
    }
    print(json.dumps({
        "clocks": [time.time(), datetime.datetime.now().timestamp(), time.clock_gettime(time.CLOCK_REALTIME), child],
        "steady": time.monotonic(),
        "waits": {name: seconds(wait) for name, wait in waits.items()},
    }), flush=True)
"""


@pytest.fixture(scope="module")
def clock(tmp_path_factory: pytest.TempPathFactory) -> Clock:
    return Clock(tmp_path_factory.mktemp("clock"))


@pytest.fixture(scope="module")
def program(tmp_path_factory: pytest.TempPathFactory) -> Path:
    program = tmp_path_factory.mktemp("program") / "waits"
    subprocess.run(["cc", "-x", "c", "-", "-pthread", "-o", program], input=WAITS, text=True, check=True)
    return program


class Waits:
    """Processes that wait until a moment so many milliseconds ahead, each in its way, and have begun to."""

    def __init__(self, program: Path, clock: Clock, ways: Sequence[str], milliseconds: int):
        self._processes = {
            way: subprocess.Popen(
                [program, way, str(milliseconds)],
                env=os.environ | clock.environment,
                stdout=subprocess.PIPE,
                text=True,
            )
            for way in ways
        }
        assert all(_line(process) == "waiting" for process in self._processes.values())

    def still(self) -> tuple[str, ...]:
        """The ways in which they wait still."""
        return tuple(way for way, process in self._processes.items() if process.poll() is None)

    def took(self) -> dict[str, int]:
        """Milliseconds, once all have ended."""
        lines = {way: _line(process) for way, process in self._processes.items()}
        for process in self._processes.values():
            process.communicate()
        return {way: int(line) for way, line in lines.items()}


def _line(process: subprocess.Popen[str]) -> str:
    assert process.stdout is not None
    return process.stdout.readline().strip()


@pytest.mark.parametrize("days", [-1, 0, 1])
def test_a_wait_lasts_as_long_with_any_clock(clock: Clock, program: Path, days: int):
    clock.set(days * DAY_S)
    took = Waits(program, clock, SET + STEADY, 100).took()
    assert {way: ms for way, ms in took.items() if not 100 <= ms < LATE_MS} == {}


def test_a_jump_forward_ends_waits_for_a_moment_and_no_others(clock: Clock, program: Path):
    clock.set(0)
    waits, others = Waits(program, clock, SET, FAR_MS), Waits(program, clock, STEADY, 1000)
    clock.set(DAY_S)
    assert {way: ms for way, ms in waits.took().items() if ms > LATE_MS} == {}
    assert {way: ms for way, ms in others.took().items() if not 1000 <= ms < LATE_MS} == {}


def test_a_jump_back_makes_waits_for_a_moment_longer_and_no_others(clock: Clock, program: Path):
    clock.set(0)
    waits, others = Waits(program, clock, SET, 1500), Waits(program, clock, STEADY, 1500)
    clock.set(-DAY_S)
    others.took()
    time.sleep(0.3)
    still = waits.still()
    clock.set(0)
    waits.took()
    assert still == SET


def test_no_signal_is_lost_between_two_slices(clock: Clock, program: Path):
    clock.set(0)
    assert Waits(program, clock, ["signalled"], FAR_MS).took()["signalled"] < LATE_MS


def test_python_sees_the_jumps_and_waits_as_long(clock: Clock):
    clock.set(0)
    process = subprocess.Popen(
        [sys.executable, "-c", PYTHON],
        env=os.environ | clock.environment,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdin is not None
    for days in (0, -1, 1, 0):
        clock.set(days * DAY_S)
        print(file=process.stdin, flush=True)
        seen = json.loads(_line(process))
        assert [round((told - time.time()) / DAY_S, 2) for told in seen["clocks"]] == [days] * 4
        assert 0 <= time.monotonic() - seen["steady"] < 30
        assert {name: seconds for name, seconds in seen["waits"].items() if not 0.1 <= seconds < 30} == {}
    process.communicate()
    assert process.returncode == 0
