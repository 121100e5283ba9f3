"""What each worker of a group does: it reads the mailbox's commands, and trains one job after the other."""

import pickle
import uuid
from typing import Any

import ray
import torch
import torch.distributed as dist

from raykd.cluster.machines.resources import USED, Resources
from raykd.cluster.workers.ahead import train
from raykd.cluster.workers.answer import Answer
from raykd.cluster.workers.commands import Commands
from raykd.cluster.workers.elastic import share_batch
from raykd.cluster.workers.job import Job
from raykd.cluster.workers.mailbox import END, JOB
from raykd.data.listed import become_worker
from raykd.distributed.world import World
from raykd.errors import OwnershipLostError


def work(config: dict[str, Any], device: torch.device) -> None:
    """From the group's start to its end.

    Args:
        config: `mailbox` and `resources` of the group, and `timeout_s`, for which its workers wait for each other.
        device: to compute on.
    """
    become_worker()
    mailbox = config["mailbox"]
    resources: Resources = config["resources"]
    torch.set_num_threads(resources.threads)
    world = World.current(device)
    # Where slots share a GPU, a trial that draws a larger setting than the others shall run out of memory itself, and
    # not take what they need.
    if world.device.type == "cuda" and resources.gpus_per_worker < 1:
        torch.cuda.set_per_process_memory_fraction(USED * resources.gpus_per_worker, world.device)
    who = uuid.uuid4().hex  # new for each start of the group: a rank 0 that only seemed dead has another
    commands = Commands(mailbox, _agreed_place(mailbox, world, who))
    everyone, smaller = world, dict[int, World]()

    def tell(answer: Answer) -> None:
        if not ray.get(mailbox.answer.remote(pickle.dumps(answer), who)):
            raise OwnershipLostError("other workers have begun in the place of these, which seemed lost")

    while True:
        kind, content = commands.take()
        if kind == END:
            return
        if kind == JOB:
            job: Job = pickle.loads(content)
            # Anew for each job, as the batch's size may be searched and decides how many workers can share it. Who
            # stands by counts the epochs too, to find the next job at the same place as the others.
            world = share_batch(job.recipe.batch_size, everyone, smaller, config["timeout_s"])
            if world.takes_part:
                train(job, world, commands, tell)


def _agreed_place(mailbox: Any, world: World, who: str) -> int:
    # Rank 0 alone begins, as each `begin` posts the unfinished job once more.
    place: list[int] = [ray.get(mailbox.begin.remote(world.size, who)) if world.rank == 0 else 0]
    if world.size > 1:
        dist.broadcast_object_list(place, src=0)
    return place[0]
