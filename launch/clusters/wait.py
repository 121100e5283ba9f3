"""Waits on a cluster's head until its other machines have joined; the last step of `ray up`, and one of slurm.sh.

`ray up` is done when the head runs, and a search that starts then would count a cluster without its workers.
"""

import argparse
import json
import logging
import sys
import time
from pathlib import Path
from typing import Any

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


def main() -> int:
    """0 when all are there, or some, with a warning: a search can do with fewer. 1 when there is no cluster."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--machines", type=int, metavar="N", help="to wait for (default: as `ray up` was told)")
    parser.add_argument("--minutes", type=float, default=30, metavar="N", help="to wait at most (default: 30)")
    options = parser.parse_args()
    wanted = options.machines or expected(json.loads(CONFIG.expanduser().read_text()))
    deadline = time.monotonic() + 60 * options.minutes
    shown = 0
    while shown < wanted and time.monotonic() < deadline:
        if (now := joined()) == shown:
            time.sleep(1)
            continue
        shown = now
        say(f"{shown} of {wanted} machines have joined")
    if shown < wanted:
        say("waited long enough; the logs of Ray's autoscaler or of Slurm tell what keeps the others")
    return 0 if shown else 1


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    sys.exit(main())
