"""SIGTERM does what Ctrl-C does, whatever Ctrl-C does just then."""

import os
import signal
import subprocess
import sys
import threading
import time

import pytest

from raykd.signals import ctrl_c_kept, sigterm_as_ctrl_c


def terminate() -> None:
    os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(5)  # Python runs the handler before this ends


def test_it_interrupts():
    before = signal.getsignal(signal.SIGTERM)
    with pytest.raises(KeyboardInterrupt), sigterm_as_ctrl_c():
        terminate()
    assert signal.getsignal(signal.SIGTERM) == before


def test_ctrl_c_does_afterwards_what_it_did_before():
    before = signal.getsignal(signal.SIGINT)
    with ctrl_c_kept():
        signal.signal(signal.SIGINT, signal.SIG_IGN)
    assert signal.getsignal(signal.SIGINT) == before


def test_a_handler_of_ctrl_c_gets_it(monkeypatch: pytest.MonkeyPatch):
    heard = []

    def handler(number: int, frame: object) -> None:
        heard.append(number)
        raise TimeoutError

    before = signal.signal(signal.SIGINT, handler)
    try:
        with pytest.raises(TimeoutError), sigterm_as_ctrl_c():
            terminate()
    finally:
        signal.signal(signal.SIGINT, before)
    assert heard == [signal.SIGINT]


def test_it_interrupts_where_a_shell_has_ctrl_c_ignored():
    code = (
        "import os, signal, time\n"
        "from raykd.signals import ctrl_c_kept, sigterm_as_ctrl_c\n"
        "try:\n"
        "    with sigterm_as_ctrl_c():\n"
        "        os.kill(os.getpid(), signal.SIGTERM)\n"
        "        time.sleep(5)\n"
        "except KeyboardInterrupt:\n"
        "    print('interrupted')\n"
    )
    call = [sys.executable, "-c", code]
    ended = subprocess.run(
        ["sh", "-c", 'trap "" INT; exec "$@"', "sh", *call], capture_output=True, text=True, check=True
    )
    assert ended.stdout == "interrupted\n"


def test_a_thread_leaves_the_handlers_alone():
    before, inside = signal.getsignal(signal.SIGTERM), []

    def run() -> None:
        with sigterm_as_ctrl_c():
            inside.append(signal.getsignal(signal.SIGTERM))

    thread = threading.Thread(target=run)
    thread.start()
    thread.join()
    assert inside == [before]
