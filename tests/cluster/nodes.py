"""A Ray cluster of several nodes on one machine, each with its own processes and network, as real machines have.

A node is a process that made namespaces of its own, and a cable to the head's bridge. A power cut unplugs the cable and
kills that process, and everything on the node with it; in this order, as the kernel takes leave of all that a killed
process was connected to, which power has no time for. A node whose power comes back is another such process with the
same address and the same files. All nodes see the same storage.
"""

import contextlib
import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest
from processes import title

from run_commands import ENVIRONMENT, LAUNCH
from waiting import wait_until

_NETWORK = "10.77.0."
# On two busy cores a raylet may need more than Ray's 30 s.
_SETTINGS = {"RAY_AUTH_MODE": "disabled", "RAY_USAGE_STATS_ENABLED": "0", "RAY_raylet_start_wait_time_s": "280"}
_HEAD = "--head --port=6379 --num-cpus=0 --include-dashboard=false"
_SCRIPT = """
ip link set lo up
touch {folder}/ready
until ip -brief address | grep -q {address}; do sleep 0.05; done
{python} -m ray.scripts.scripts start --block --node-ip-address={address} --object-store-memory=80000000 {options}
"""


def skip_where_there_can_be_none() -> None:
    """Skips the test with a reason."""
    missing = [name for name in ("setpriv", "unshare", "nsenter", "ip") if shutil.which(name) is None]
    if missing:
        pytest.skip(f"needs {', '.join(missing)}; on Debian: apt-get install iproute2")
    if os.geteuid() != 0 or subprocess.run(["unshare", "--mount", "--net", "--pid", "true"], check=False).returncode:
        pytest.skip("needs root and namespaces")


@dataclass(frozen=True)
class Node:
    """One node: the process that all of it dies with, its folder of temporary files, and its `ray start`'s options."""

    process: subprocess.Popen[bytes]
    folder: Path
    number: int
    options: str

    @property
    def address(self) -> str:
        return f"{_NETWORK}{self.number + 1}"

    @property
    def cable(self) -> str:
        """The name of the end that the head has of it."""
        return f"cable{self.number}"

    def pids(self, name: str) -> list[int]:
        """The node's processes whose title holds a name, such as `ray::RayTrainWorker`."""
        space = _space(int(self.inside()[2]))
        pids = sorted(int(entry.name) for entry in Path("/proc").glob("[0-9]*"))
        return [pid for pid in pids if name in title(pid) and _space(pid) == space]

    def inside(self, *kinds: str) -> list[str]:
        """The words before a command that shall run on the node."""
        parent = self.process.pid
        (child,) = Path(f"/proc/{parent}/task/{parent}/children").read_text().split()
        return ["nsenter", "--target", child, *kinds, "--"]

    def log(self) -> str:
        """What `ray start` has said."""
        return (self.folder / "log").read_text()

    def end(self) -> None:
        self.process.kill()
        self.process.wait()


class Nodes:
    """A head without CPUs, and workers of one CPU each.

    Args:
        workers: how many.
        options: more of the head's `ray start`.
        environment: more of the head's.
    """

    def __init__(self, workers: int, options: str = "", environment: Mapping[str, str] | None = None):
        self.folder = Path(tempfile.mkdtemp(prefix="rk", dir="/tmp"))  # short: sockets below it may have 107 letters
        self.workers: list[Node] = []
        self.lost: list[Node] = []
        self._all: list[Node] = []
        try:
            self.head = self._start(0, f"{_HEAD} {options}", environment or {})
            self._inside_head("ip", "link", "add", "bridge", "type", "bridge")
            self._inside_head("ip", "address", "add", f"{self.head.address}/24", "dev", "bridge")
            self._inside_head("ip", "link", "set", "bridge", "up")
            current = self.head.folder / "t" / "ray" / "ray_current_cluster"
            self._wait_until(current.exists, "the head does not come up")
            for _ in range(workers):
                self.add()
        except BaseException:
            self.end()
            raise

    @property
    def address(self) -> str:
        return f"{self.head.address}:6379"

    def add(self, options: str = "--num-cpus=1") -> Node:
        """A further worker; returns when it has joined.

        Args:
            options: of its `ray start`.
        """
        return self._join(1 + max(node.number for node in self._all), options)

    def lose(self, node: Node) -> None:
        """A power cut: nobody hears a goodbye."""
        self._inside_head("ip", "link", "delete", node.cable)
        node.end()
        self.workers.remove(node)
        self.lost.append(node)

    def freeze(self, node: Node) -> None:
        """A machine that stands still, as one that is suspended does."""
        _signal(node, signal.SIGSTOP)
        self.workers.remove(node)

    def thaw(self, node: Node) -> None:
        """It goes on; when it hears that it counts as lost, Ray ends there. Returns when it has."""
        _signal(node, signal.SIGCONT)
        self._wait_until(lambda: node.process.poll() is not None, "a node that counts as lost goes on")
        self.lost.append(node)

    def bring_back(self, node: Node) -> Node:
        """The power of a lost node comes back, and it joins again, with its address and what its disk holds."""
        self.lost.remove(node)
        return self._join(node.number, node.options)

    def tune(self, *words: object, output: Path) -> subprocess.Popen[bytes]:
        """`launch/tune.py` on the head, joining this cluster."""
        call = [*self.head.inside("--net", "--pid", "--mount"), sys.executable, str(LAUNCH / "tune.py")]
        environment = ENVIRONMENT | _SETTINGS | {"RAY_TMPDIR": str(self.head.folder / "t")}
        with output.open("ab") as file:
            return subprocess.Popen(
                [*call, *map(str, words)], cwd=output.parent, env=environment, stdout=file, stderr=file
            )

    def end(self) -> None:
        for node in self._all:
            node.end()
        shutil.rmtree(self.folder, ignore_errors=True)

    def _start(self, number: int, options: str, environment: Mapping[str, str]) -> Node:
        folder, address = self.folder / f"n{number}", f"{_NETWORK}{number + 1}"
        (folder / "t").mkdir(parents=True, exist_ok=True)
        (folder / "ready").unlink(missing_ok=True)
        script = _SCRIPT.format(folder=folder, address=address, python=sys.executable, options=options)
        environment = ENVIRONMENT | _SETTINGS | {"RAY_TMPDIR": str(folder / "t")} | dict(environment)
        namespaces = ["unshare", "--mount", "--net", "--pid", "--fork", "--kill-child", "--mount-proc"]
        call = ["setpriv", "--pdeathsig", "KILL", *namespaces, "bash", "-c", script]  # dies with the tests
        with (folder / "log").open("wb") as log:
            process = subprocess.Popen(call, env=environment, stdout=log, stderr=log, start_new_session=True)
        self._all.append(Node(process, folder, number, options))
        self._wait_until((folder / "ready").exists, "there are no namespaces")
        return self._all[-1]

    def _join(self, number: int, options: str) -> Node:
        node = self._start(number, f"--address={self.address} {options}", {})
        head, there = self.head.inside()[2], node.inside()[2]
        _run(*f"ip link add {node.cable} netns {head} type veth peer name eth0 netns {there}".split())
        self._inside_head("ip", "link", "set", node.cable, "master", "bridge", "up")
        _run(*node.inside("--net"), "ip", "address", "add", f"{node.address}/24", "dev", "eth0")
        _run(*node.inside("--net"), "ip", "link", "set", "eth0", "up")
        self._wait_until(lambda: "Ray runtime started" in node.log(), "a node does not join")
        self.workers.append(node)
        return node

    def _inside_head(self, *call: str) -> str:
        return _run(*self.head.inside("--net"), *call)

    def _wait_until(self, is_so: Callable[[], bool], otherwise: str) -> None:
        def logs() -> str:
            return "\n".join([otherwise, *(log.read_text() for log in sorted(self.folder.glob("n*/log")))])

        wait_until(is_so, 300, logs)


def _space(pid: int) -> Path | None:
    """The namespace that tells which node a process belongs to; None where it has ended."""
    try:
        return Path(f"/proc/{pid}/ns/pid").readlink()
    except OSError:
        return None


def _signal(node: Node, number: int) -> None:
    for pid in node.pids(""):
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, number)


def _run(*call: str) -> str:
    return subprocess.run(call, check=True, capture_output=True, text=True).stdout
