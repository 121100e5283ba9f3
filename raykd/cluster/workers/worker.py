"""What each worker of a group does: it reads the mailbox's commands, and trains an epoch whenever one is asked for."""

import contextlib
import pickle
import traceback
import uuid
from collections.abc import Generator
from pathlib import Path
from typing import Any

import ray
import torch
import torch.distributed as dist
from ray.train.torch import get_device

from raykd.cluster.machines.resources import USED, Resources
from raykd.cluster.workers.elastic import share_batch
from raykd.cluster.workers.job import Answer, Job
from raykd.cluster.workers.leftovers import record_placement
from raykd.cluster.workers.mailbox import END, JOB, NEXT
from raykd.cluster.workers.network import is_loss_of_a_worker
from raykd.distributed.world import World
from raykd.errors import OwnershipLostError, one_line
from raykd.protocols.epoch import Epoch
from raykd.runs.ownership import Ownership
from raykd.runs.trial import ERROR, run_trial, saved_epoch, take_up
from raykd.storage.artifacts import open_store
from raykd.storage.atomic import write_text

TIMEOUT_S = 24 * 3600  # ranks wait for each other while rank 0 alone makes an artefact, such as a teacher


def work(config: dict[str, Any]) -> None:
    """From the group's start to its end.

    Args:
        config: `mailbox` and `resources` of the group, `folder` of the groups, and the group's `name` there.
    """
    mailbox = config["mailbox"]
    resources: Resources = config["resources"]
    torch.set_num_threads(resources.threads)
    world = World.current(get_device())
    # Where slots share a GPU, a trial that draws a larger setting than the others shall run out of memory itself, and
    # not take what they need.
    if world.device.type == "cuda" and resources.gpus_per_worker < 1:
        torch.cuda.set_per_process_memory_fraction(USED * resources.gpus_per_worker, world.device)
    if world.rank == 0:
        record_placement(config["folder"], config["name"])
    who = uuid.uuid4().hex  # new for each start of the group: a rank 0 that only seemed dead has another
    place = _agreed_place(mailbox, world, who)
    everyone, smaller = world, dict[int, World]()
    epochs: Generator[Answer, None, None] | None = None
    # Each worker reads all commands and counts them itself. So nothing has to be told from rank to rank between two
    # epochs, where a rank that has died would leave the others waiting in a collective.
    while True:
        kind, job = ray.get(mailbox.command.remote(place))
        place += 1
        if kind != NEXT and epochs is not None:
            epochs.close()  # of a stopped trial, still in the middle of its loop: its files are open
        if kind == END:
            return
        if kind == JOB:
            job = pickle.loads(job)
            # Anew for each job, as the batch's size may be searched and decides how many workers can share it.
            world = share_batch(job.recipe.batch_size, everyone, smaller, TIMEOUT_S)
            epochs = _answers(job, world) if world.takes_part else None
        if kind == JOB or not world.takes_part:
            continue  # who stands by counts the epochs too, to find the next job at the same place as the others
        assert epochs is not None, "an epoch was asked for before any job"
        answer = next(epochs)
        if world.rank == 0 and not ray.get(mailbox.answer.remote(pickle.dumps(answer), who)):
            raise OwnershipLostError("other workers have begun in the place of these, which seemed lost")
        if answer.error and world.size > 1:
            raise RuntimeError(answer.error)  # other ranks may wait in a collective: only a restart frees them


def _answers(job: Job, world: World) -> Generator[Answer, None, None]:
    """An answer for each epoch of a job. An epoch that was finished before a death is told again, not trained again."""
    folder, board = Path(job.folder), Path(job.board)
    try:
        ownership = Ownership(folder, job.storage) if world.rank == 0 else None
        uploader = take_up(job.storage, folder, board)
        # A sum, that all wait for: nobody reads before the ownership is taken, or writes before all have read.
        world.sum(torch.zeros((), device=world.device))
        saved = saved_epoch(folder)
        if saved is not None:
            done = saved["number"] == job.recipe.epochs
            # Its answer may have died with the group, or the slot with it. So whoever asks for the next epoch gets this
            # one first, and knows by its number whether it was told before.
            yield Answer(number=saved["number"], metrics=saved["metrics"], done=done)
        store = open_store(job.storage, room=job.room)
        for epoch in run_trial(job.recipe, folder, board, store, job.values, world, uploader, ownership):
            yield _answer(epoch)
    except OwnershipLostError:
        raise  # nothing is written in a folder that is another's, nor told of a trial that goes on there
    except Exception as error:
        if is_loss_of_a_worker(error):
            raise  # Ray Train starts the group anew, and the trial goes on
        if world.rank == 0:
            with contextlib.suppress(OSError):  # a full disk may be the very error that is told here
                write_text(folder / ERROR, traceback.format_exc())
                job.storage.without_waiting().push(folder / ERROR)
        yield Answer(error=f"{type(error).__name__}: {one_line(error)}", done=True)


def _answer(epoch: Epoch) -> Answer:
    done = epoch.diverged or epoch.number == epoch.epochs
    return Answer(number=epoch.number, metrics=epoch.metrics, done=done, diverged=epoch.diverged)


def _agreed_place(mailbox: Any, world: World, who: str) -> int:
    # Rank 0 alone begins, as each `begin` posts the unfinished job once more.
    place: list[int] = [ray.get(mailbox.begin.remote(world.size, who)) if world.rank == 0 else 0]
    if world.size > 1:
        dist.broadcast_object_list(place, src=0)
    return place[0]
