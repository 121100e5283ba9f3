"""Runs the commands of Ray's `up`, `submit`, `exec` and `down` on a machine, each in the cluster's own environment."""

import shlex
import socket
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import click
import ray
from ray.autoscaler._private.command_runner import SSHCommandRunner, SSHOptions

from raykd.cluster.machines.sockets import is_here
from raykd.cluster.ssh.places import HOME, folder, ports

_SOURCE = f"{HOME}/source"
_STOP = f"python {_SOURCE}/launch/clusters/stop.py"
_DASHBOARD = 8265  # where `ray dashboard` looks for it
_CONTROL = "ssh"
_TMUX = "tmux new -d bash -c "  # as Ray begins the commands of `--tmux`
# In a subshell, by Ray, before each command. `~` is not expanded within quotes.
_ENVIRONMENT = """
case "$RAY_TMPDIR" in
    */raykd-$(id -u)) ;;
    *) export RAY_TMPDIR="${{RAY_TMPDIR:-/tmp}}/raykd-$(id -u)" ;;
esac
mkdir -p -m 700 "$RAY_TMPDIR"
[ -O "$RAY_TMPDIR" ] && [ ! -L "$RAY_TMPDIR" ] && chmod 700 "$RAY_TMPDIR" ||
    {{ echo "error: $RAY_TMPDIR is another user's; set RAY_TMPDIR there, or remove it" >&2; exit 1; }}
export PATH="$HOME/.raykd/environment/bin:"{here}"/bin:$PATH" PYTHONPATH="$HOME/.raykd/source"
export RAY_AUTH_MODE=token RAY_AUTH_TOKEN_PATH="$HOME/.raykd/token" RAY_USAGE_STATS_ENABLED=0
export RAYKD_PORT={port} RAYKD_DASHBOARD_PORT={dashboard} RAYKD_CLIENT_PORT={client} RAYKD_AGENT_PORT={agent}
export RAYKD_PREFIX={here} RAYKD_RAY={version}
unset RAY_AUTH_TOKEN RAY_ADDRESS
"""
_LETS_GO_S = 12.0  # after a command's end `ssh` keeps its ports for ten (ControlPersist)
_sent: dict[str, str] = {}  # where `ray submit` wants a script of the clone, and where it lies


class Failed(click.ClickException):
    """A command on a machine that has failed, in one line; Ray's has all of what `ssh` was called with.

    Ray's updater shows `cmd`, `returncode` and `stderr`, and a traceback where there are none.
    """

    def __init__(self, command: str, host: str, error: click.ClickException):
        ended = error.__context__
        self.cmd = command
        self.returncode = ended.returncode if isinstance(ended, subprocess.CalledProcessError) else 1
        self.stderr = "what it said stands above"
        super().__init__(f"`{command}` has failed on {host}; {self.stderr}")


class Runner(SSHCommandRunner):
    """Ray's own, but for four things.

    Commands have their environment, so that no file of a shell need be changed. `ray stop`, which ends all Ray of a
    user, ends this cluster's alone. A script of `launch/` goes to its place in the clone's copy, since
    `~/tune.py`, where Ray puts it, may be a file of the user's. And ports are those of the user's cluster.
    """

    def __init__(self, **given: Any):
        super().__init__(**given)
        self.ports = ports(self.ssh_user, self.provider.provider_config.get("first_port"))
        self.words: Path | None = None  # a file for what commands say, instead of the terminal
        self.ssh_control_path = str(folder() / _CONTROL)  # by Ray's default a name that a stranger can take before
        self.ssh_options = SSHOptions(self.ssh_private_key, self.ssh_control_path, ProxyCommand=self.ssh_proxy_command)

    # Ray names all arguments but the first.
    def run(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, cmd: str | None = None, *, port_forward: list[tuple[int, int]] | None = None, **options: Any
    ) -> Any:
        forwarded = None if port_forward is None else self._forwarded(port_forward)
        try:
            return super().run(None if cmd is None else self._ours(cmd), port_forward=forwarded, **options)
        except click.ClickException as error:
            raise Failed(cmd or "ssh", self.node_id, error) from None

    def run_rsync_up(self, source: str, target: str, options: dict[str, Any] | None = None) -> None:
        path = Path(source).resolve()
        if path.parent.name == "launch" and path.suffix == ".py" and target == f"~/{path.name}":
            _sent[target] = f"{_SOURCE}/launch/{path.name}"
            target = _sent[target]
        super().run_rsync_up(source, target, options)

    def _run_helper(
        self, final_cmd: list[str], with_output: bool = False, exit_on_fail: bool = False, silent: bool = False
    ) -> Any:
        if self.words is None or with_output:
            return super()._run_helper(final_cmd, with_output, exit_on_fail, silent)
        with self.words.open("wb") as file:
            ended = subprocess.run(final_cmd, stdin=subprocess.DEVNULL, stdout=file, stderr=file, check=False)
        if ended.returncode != 0:
            raise click.ClickException(f"ended with {ended.returncode}")
        return 0

    def _forwarded(self, ports_of_both: list[tuple[int, int]]) -> list[tuple[int, int]]:
        """What is to be forwarded; a port of this very machine is here already, and the forward would take it."""
        dashboard = self.ports[1]
        found = [(here, dashboard if there == _DASHBOARD else there) for here, there in ports_of_both]
        itself = is_here(str(self._get_node_ip()))
        wanted = [(here, there) for here, there in found if not (itself and here == there)]
        for here, _ in wanted:
            _wait_until_free(here)
        return wanted

    def _ours(self, command: str) -> str:
        """A command of Ray's as it is to be run here."""
        if command == "ray stop":  # as `ray down` has it
            command = _STOP
        for wanted, there in _sent.items():
            command = command.replace(f"python {wanted}", f"python {there}")
        command = command.replace("/tmp/ray/", "$RAY_TMPDIR/ray/")  # where Ray tells people to find its logs
        before = environment(self.ports)
        if command.startswith(_TMUX):  # a tmux that runs already has the environment of its start
            *words, last = shlex.split(command)
            return shlex.join([*words, before + last])
        return before + command


def _wait_until_free(port: int) -> None:
    """`ssh` would be content with the port of ::1 alone, and 127.0.0.1 lead to the other program.

    Raises:
        ClickException: another program has it.
    """
    deadline = time.monotonic() + _LETS_GO_S
    while True:
        with socket.socket() as asker:
            asker.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                asker.bind(("127.0.0.1", port))
                return
            except OSError as error:
                if time.monotonic() > deadline:
                    raise click.ClickException(
                        f"port {port} of this machine: {error.strerror}; name another, as by: ray dashboard --port "
                        f"{port + 1}"
                    ) from None
        time.sleep(0.5)


def environment(of_cluster: tuple[int, int, int, int]) -> str:
    """Lines of shell that give a command its environment; the last one ends with a line break.

    Args:
        of_cluster: its ports.
    """
    port, dashboard, client, agent = of_cluster
    return _ENVIRONMENT.format(
        here=shlex.quote(sys.prefix),
        version=shlex.quote(ray.__version__),
        port=port,
        dashboard=dashboard,
        client=client,
        agent=agent,
    ).lstrip("\n")
