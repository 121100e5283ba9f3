"""Machines to reach by SSH, made of namespaces: each has its own processes, network, users, homes and /mnt.

So `ray up` finds a user `ray` and an SSH server on port 22, as it would on real machines, and `ray stop` ends
nothing but what runs there. All is gone when the machine's first process is.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pytest

from waiting import wait_until

_PROGRAMS = ("unshare", "nsenter", "ip", "ssh", "ssh-keygen", "rsync", "/usr/sbin/sshd")
_SSHD = """
HostKey {folder}/host
PidFile none
AuthorizedKeysFile {folder}/key.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
UsePAM no
StrictModes no
AllowUsers ray
SetEnv RAY_TMPDIR={temporary} OMP_NUM_THREADS=1 CUDA_VISIBLE_DEVICES=
"""
# The user `ray` is root under another name, so that it may read the interpreter that runs these tests.
_INIT = """
set -e
mount --bind {machine}/passwd /etc/passwd
mount -t tmpfs none /run
mount -t tmpfs none /mnt
mkdir /run/sshd /mnt/raykd
mount --bind {folder}/storage /mnt/raykd
ip link set lo up
touch {machine}/ready
exec /usr/sbin/sshd -D -e -f {machine}/sshd_config
"""


def skip_where_there_can_be_none() -> None:
    """Skips the test with a reason."""
    missing = [Path(name).name for name in _PROGRAMS if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}; on Debian: apt-get install openssh-server rsync iproute2")
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "--net", "--pid", "true"], check=False).returncode:
        pytest.skip("needs root and namespaces: `ray stop` must not see this machine's own Ray")


class Machines:
    """A network of machines, the first of which is the head; `ray` commands run beside the head.

    Args:
        workers: addresses of the other machines; none for a head alone, at 127.0.0.1.
        head: address of the head, where there are workers.
    """

    def __init__(self, workers: Sequence[str] = (), head: str = "127.0.0.1"):
        self.folder = Path(tempfile.mkdtemp(prefix="rk", dir="/tmp"))  # short: sockets below it may have 107 letters
        self.key = self.folder / "key"
        self._processes: list[subprocess.Popen[bytes]] = []
        (self.folder / "storage").mkdir()
        for name in ("key", "host"):
            self._run("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", str(self.folder / name))
        for number in range(1 + len(workers)):
            self._start(self.folder / f"m{number}")
        if workers:
            self._connect([head, *workers])

    def ray(self, *words: object, folder: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """A `ray` command, as typed on a machine that reaches the head."""
        return self.python("-m", "ray.scripts.scripts", *words, folder=folder, timeout=timeout)

    def python(self, *words: object, folder: Path, timeout: float = 300) -> subprocess.CompletedProcess[str]:
        """What Python runs on that machine."""
        call = [*self._inside(0, "--net"), sys.executable, *map(str, words)]
        more = {"RAY_TMPDIR": str(self.folder / "m0" / "t"), "HOME": str(self.folder / "m0" / "home"), "TERM": "dumb"}
        return subprocess.run(
            call,
            cwd=folder,
            env=os.environ | more,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )

    def home(self, number: int = 0) -> Path:
        return self.folder / f"m{number}" / "home"

    def processes(self, number: int = 0) -> str:
        """The command lines of what runs on a machine."""
        return self._run(*self._inside(number, "--pid", "--mount"), "ps", "-ww", "-eo", "args")

    def end(self) -> None:
        for process in self._processes:
            with contextlib.suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, machine: Path) -> None:
        (machine / "home").mkdir(parents=True)
        (machine / "t").mkdir()
        system = [line for line in Path("/etc/passwd").read_text().splitlines() if not line.startswith("ray:")]
        passwd = [f"ray:x:0:0::{machine}/home:/bin/bash", *system]  # the first name of a number is whose home is ~
        (machine / "passwd").write_text("\n".join(passwd) + "\n")
        (machine / "home" / ".bash_profile").write_text(". ~/.bashrc\n")
        (machine / "home" / ".bashrc").touch()
        (machine / "sshd_config").write_text(_SSHD.format(folder=self.folder, temporary=machine / "t"))
        script = _INIT.format(machine=machine, folder=self.folder)
        call = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc", "bash", "-c", script]
        with (machine / "log").open("wb") as log:
            process = subprocess.Popen(call, stdout=log, stderr=log, start_new_session=True)
        self._processes.append(process)
        wait_until(
            (machine / "ready").exists, 20, (machine / "log").read_text, unless=lambda: process.poll() is not None
        )

    def _connect(self, addresses: Sequence[str]) -> None:
        """A bridge on the head, with a cable to each worker."""
        head = str(self._processes[0].pid)
        inside = self._inside(0, "--net")
        self._run(*inside, "ip", "link", "add", "bridge", "type", "bridge")
        self._run(*inside, "ip", "address", "add", f"{addresses[0]}/24", "dev", "bridge")
        self._run(*inside, "ip", "link", "set", "bridge", "up")
        for number, address in enumerate(addresses[1:], start=1):
            worker, cable = str(self._processes[number].pid), f"cable{number}"
            self._run(*f"ip link add {cable} netns {head} type veth peer name eth0 netns {worker}".split())
            self._run(*inside, "ip", "link", "set", cable, "master", "bridge", "up")
            there = self._inside(number, "--net")
            self._run(*there, "ip", "address", "add", f"{address}/24", "dev", "eth0")
            self._run(*there, "ip", "link", "set", "eth0", "up")

    def _inside(self, number: int, *kinds: str) -> list[str]:
        parent = self._processes[number].pid
        (child,) = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return ["nsenter", "--target", child, *kinds, "--"]

    def _run(self, *call: str) -> str:
        return subprocess.run(call, check=True, capture_output=True, text=True).stdout
