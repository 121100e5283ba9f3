"""Removes from the machines of a cluster file all that `ray up` has made there, after it has stopped their Ray.

    python launch/clusters/remove.py cluster.yaml

What searches have written stays. So does an environment that was there before `ray up`, and, on the machine where you
type this, unless it is one of the cluster's: ~/.raykd/token and /tmp/raykd-USER_ID, which your other clusters use.
"""

import argparse
import shlex
import subprocess
import sys
from pathlib import Path

import yaml

from raykd.cluster.ssh.provider import MachinesBySSH
from raykd.cluster.ssh.runner import environment
from raykd.errors import UserError

MODULE = f"{MachinesBySSH.__module__}.{MachinesBySSH.__name__}"
# The head removes from the workers, which it may be the only one to reach, and as it was told by `ray up`.
FROM_THE_HEAD = """
cd "$HOME"
if [ -f ray_bootstrap_config.yaml ] && [ -d .raykd/source ]; then
    python .raykd/source/launch/clusters/remove.py --workers ray_bootstrap_config.yaml || exit 1
fi
"""
STOP = """
if [ -d "$HOME/.raykd/source" ]; then python "$HOME/.raykd/source/launch/clusters/stop.py" || exit 1; fi
"""
REMOVE = """
cd "$HOME" && rm -rf .raykd ray_bootstrap_config.yaml ray_bootstrap_key.pem "$RAY_TMPDIR"
"""


class Machine:
    """One that commands can be run on, as long as there is nothing left of the cluster.

    Raises:
        UserError: it is the head, and cannot be logged in to.
    """

    def __init__(self, provider: MachinesBySSH, host: str, auth: dict[str, str]):
        runner = provider.runner(host, auth)
        self.host = host
        self._environment = environment(runner.ports)
        options = runner.ssh_options.to_ssh_options_list(timeout=10)
        # No connection that is shared by a socket in a folder which is removed.
        target = f"{runner.ssh_user}@{provider.external_ip(host)}"
        self._call = ["ssh", "-o", "ControlPath=none", "-o", "LogLevel=ERROR", *options, target]

    def run(self, commands: str) -> bool:
        """Whether they succeed; what they say is shown."""
        words = shlex.quote(f"{self._environment}{commands}")
        ended = subprocess.run([*self._call, f"bash --login -c {words}"], stdin=subprocess.DEVNULL, check=False)
        return ended.returncode == 0


def empty(machines: list[Machine]) -> None:
    """Stops Ray on all of the machines before any file is removed: they may share their home."""
    for commands in (STOP, REMOVE):
        for machine in machines:
            if not machine.run(commands):
                sys.exit(f"error: {machine.host} is not emptied; what it said stands above")
    for machine in machines:
        sys.stdout.write(f"{machine.host} is emptied\n")
    sys.stdout.flush()


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("file", type=Path, help="of a cluster on machines of one's own, such as cluster.yaml")
    parser.add_argument("--workers", action="store_true", help="all but the head, which runs this")
    options = parser.parse_args()
    config = yaml.safe_load(options.file.read_text())
    where, auth = config["provider"], config.get("auth", {})
    if where.get("module") != MODULE:
        sys.exit("error: the machines of this file are not of one's own; `ray down` removes them whole")
    try:
        provider = MachinesBySSH(where, config["cluster_name"])
        if options.workers:
            empty([Machine(provider, host, auth) for host in where["worker_ips"]])
        else:
            head = Machine(provider, where["head_ip"], auth)
            if not head.run(FROM_THE_HEAD):
                sys.exit("error: the workers are not emptied; what they said stands above")
            empty([head])
    except UserError as error:
        sys.exit(f"error: {error}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
