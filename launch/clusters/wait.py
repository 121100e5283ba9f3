"""Waits on a cluster's head until its other machines have joined; the last step of `ray up`, and one of slurm.sh.

`ray up` is done when the head runs, and a search that starts then would count a cluster without its workers.
"""

import argparse
import json
import logging
import re
import sys
import time
from pathlib import Path
from typing import Any

# What a worker's start, its set-up and SSH say when they fail, in the log of Ray 2.60's autoscaler.
FAULT = re.compile(
    r"[\w.]*Authentication\w*.*|.*\b[Aa]uth\w* token\b.*|ssh: .*|.*Permission denied.*|[\w.]+Error: .*|"
    r"(error|Error|ERROR): .*|.*\bfailed with exit code\b.*"
)
COMMAND = re.compile(r"V+INFO ")  # of a line that has what is run, and no answer
SHOWN_EACH_S = 20
COLOUR = re.compile(r"\x1b\[[0-9;]*m")
CONFIG = Path("~/ray_bootstrap_config.yaml")  # put there by `ray up`, as JSON


def expected(config: dict[str, Any]) -> int:
    """Machines of a cluster at rest: the head, and the workers that it never goes without."""
    return 1 + sum(kind.get("min_workers", 0) for kind in config["available_node_types"].values())


def joined() -> int:
    """Machines that belong to the cluster of this machine now."""
    import ray

    try:
        if not ray.is_initialized():
            ray.init(address="auto", log_to_driver=False, logging_level=logging.ERROR)
    except ConnectionError:  # the head itself is not up yet
        return 0
    return sum(node["Alive"] for node in ray.nodes())


def reason() -> str:
    """Why the others stay away, by what the autoscaler last wrote of it; "" where it has written nothing of it."""
    import ray

    if not ray.is_initialized():
        return ""
    logs = Path(ray.get_runtime_context().worker.node.get_logs_dir_path())
    lines = [line for path in sorted(logs.glob("monitor*")) for line in path.read_text(errors="replace").splitlines()]
    return fault(lines)


def fault(lines: list[str]) -> str:
    """The latest line of a log that tells one, from where it does; "" where there is none."""
    answers = (COLOUR.sub("", line) for line in reversed(lines) if not COMMAND.search(line))
    return next((told[0].strip() for line in answers if (told := FAULT.search(line))), "")


class Workers:
    """Those that this head sets up by SSH, if they are machines of one's own; of others it hears nothing here.

    What they say is shown: while they install, that is minutes.
    """

    def __init__(self, config: dict[str, Any]):
        self._are_own = config.get("provider", {}).get("type") == "external"
        self._next = 0.0
        self.failed: set[str] = set()
        self.said = ""  # by the latest

    def show(self) -> None:
        """What the latest is doing, now and then, and at once who is given up: no second try follows."""
        if not self._are_own:
            return
        from raykd.cluster.ssh import heard

        for host, lines in heard.failures().items():
            if host not in self.failed:
                self.failed.add(host)
                say("\n    ".join([f"{host} has failed; it said last:", *lines]))
        if (now := time.monotonic()) >= self._next and (words := heard.at_work()) not in ("", self.said):
            self.said, self._next = words, now + SHOWN_EACH_S
            say(words)

    def why(self, minutes: float) -> str:
        """Why machines are missing, after "have not joined"."""
        if self.failed:
            return f": {', '.join(sorted(self.failed))}; mend what is said above, and start once more"
        told = self.said or reason() or "the logs of Ray, its autoscaler or Slurm tell why"
        return f" in {minutes:g} minutes: {told}"


def main() -> int:
    """0 when all are there; 1, with the reason, when some have stayed away or there is no cluster."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, metavar="N", help="to wait for (default: as `ray up` was told)")
    parser.add_argument("--minutes", type=float, default=30, metavar="N", help="to wait at most (default: 30)")
    options = parser.parse_args()
    config = {} if options.machines else json.loads(CONFIG.expanduser().read_text())
    wanted = options.machines or expected(config)
    workers = Workers(config)
    deadline = time.monotonic() + 60 * options.minutes
    shown = 0
    while shown + len(workers.failed) < wanted and time.monotonic() < deadline:
        workers.show()
        if (now := joined()) == shown:
            time.sleep(1)
            continue
        shown = now
        say(f"{shown} of {wanted} machines have joined")
    if shown < wanted:
        say(f"error: {wanted - shown} of {wanted} machines have not joined{workers.why(options.minutes)}")
    return int(shown < wanted)


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
