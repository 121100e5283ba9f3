"""A warm group of training workers: one Ray Train run that trains many recipes, one after the other.

Imports, the data on its device and the teacher's files stay in the workers' memory between trials, so that a trial
starts in well under a second. The group outlives its trials; a worker that dies is restarted by Ray Train, and
the trial goes on from its last checkpoint.
"""

import contextlib
import math
import pickle
import threading
import traceback
from collections.abc import Generator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import ray
import torch
import torch.distributed as dist
from ray import cloudpickle, train
from ray.exceptions import RayActorError
from ray.train.torch import TorchTrainer, get_device

from raykd.artifacts import Store
from raykd.cluster.job import Answer, Job
from raykd.cluster.leftovers import free_leftovers, free_placement, mailbox_name, record_placement
from raykd.cluster.mailbox import END, GIVEN_UP, JOB, NEXT, Mailbox
from raykd.cluster.network import Network, is_loss_of_a_worker
from raykd.epoch import Epoch
from raykd.errors import one_line
from raykd.mirrored_folder import take_up
from raykd.trial import ERROR, run_trial, saved_epoch
from raykd.world import World
from raykd.writing import write_text

USED = 0.9  # of a GPU's memory, where several slots share it; the rest is for their CUDA contexts
_GIVEN_UP = "the workers died again and again in the same epoch"
_PATIENCE_S = 24 * 3600  # ranks wait for each other while rank 0 alone makes an artefact, such as a teacher


@dataclass(frozen=True, kw_only=True)
class Resources:
    """What one worker of a group takes."""

    workers: int = 1
    cpus_per_worker: float = 1.0
    gpus_per_worker: float = 0.0

    @property
    def threads(self) -> int:
        """That a worker computes with: its CPUs, of which the slots take a bit away."""
        return math.ceil(self.cpus_per_worker)

    @property
    def per_worker(self) -> dict[str, float]:
        return {"CPU": self.cpus_per_worker} | ({"GPU": self.gpus_per_worker} if self.gpus_per_worker else {})


class Group:
    """The slot's side of a group: starts it, posts jobs, waits for epochs.

    Args:
        name: of the Ray Train run, different for every group.
        folder: where Ray Train keeps its own files; a path, or the URI of a storage without folders.
    """

    def __init__(self, name: str, folder: str, resources: Resources):
        self._folder, self._name = folder, name
        self._mailbox: Any = ray.remote(num_cpus=0)(Mailbox).options(name=mailbox_name(self._folder, name)).remote()
        self._failure: BaseException | None = None
        self._is_up = False
        # One worker alone talks to nobody: NCCL would only take memory of a GPU that others may share.
        backend = "nccl" if resources.gpus_per_worker and resources.workers > 1 else "gloo"
        self._trainer = TorchTrainer(
            _work,
            train_loop_config={"mailbox": self._mailbox, "folder": folder, "name": name, "resources": resources},
            torch_config=Network(backend=backend, timeout_s=_PATIENCE_S),
            scaling_config=train.ScalingConfig(
                num_workers=resources.workers,
                use_gpu=resources.gpus_per_worker > 0,
                resources_per_worker=resources.per_worker,
            ),
            run_config=train.RunConfig(
                name=name,
                storage_path=folder,
                failure_config=train.FailureConfig(max_failures=-1),
                logging_config=train.LoggingConfig(log_level="ERROR"),
            ),
        )
        self._thread = threading.Thread(target=self._fit, daemon=True)
        self._thread.start()

    def start(self, job: Job) -> None:
        """Gives the group a job; the one before it, if it is not done, is left where it stands."""
        pickled = cloudpickle.dumps(job)  # pyright: ignore[reportPrivateImportUsage]
        ray.get(self._mailbox.post.remote(JOB, pickled))

    def ask(self) -> None:
        """Asks for one more epoch of the job."""
        ray.get(self._mailbox.post.remote(NEXT))

    def next_answer(self) -> Answer:
        """The next epoch's answer.

        Raises:
            RuntimeError: the group has ended.
        """
        waiting = self._mailbox.next_answer.remote()
        while True:
            ready, _ = ray.wait([waiting], timeout=2.0)
            if ready:
                answer = ray.get(ready[0])
                self._is_up = True
                return pickle.loads(answer) if answer != GIVEN_UP else Answer(error=_GIVEN_UP, done=True)
            if not self._is_up:
                free_leftovers(self._folder)
            if not self._thread.is_alive():
                raise RuntimeError(f"the group of workers has ended: {self._failure}") from self._failure

    def end(self) -> None:
        """Ends the group and waits until its workers are gone."""
        with contextlib.suppress(RayActorError):  # the mailbox may be what has died
            ray.get(self._mailbox.post.remote(END))
            self._thread.join(timeout=30)
        free_placement(self._folder, self._name)

    def _fit(self) -> None:
        try:
            self._trainer.fit()
        except BaseException as error:
            self._failure = error


def _work(config: dict[str, Any]) -> None:
    """What each worker does from the group's start to its end."""
    mailbox = config["mailbox"]
    resources: Resources = config["resources"]
    torch.set_num_threads(resources.threads)
    world = World.current(get_device())
    if world.device.type == "cuda" and resources.gpus_per_worker < 1:
        torch.cuda.set_per_process_memory_fraction(USED * resources.gpus_per_worker, world.device)
    if world.rank == 0:
        record_placement(config["folder"], config["name"])
    place = _agreed_place(mailbox, world)
    epochs: Generator[Answer, None, None] | None = None
    while True:
        kind, job = ray.get(mailbox.command.remote(place))
        place += 1
        if kind != NEXT and epochs is not None:
            epochs.close()
        if kind == END:
            return
        if kind == JOB:
            epochs = _answers(pickle.loads(job), world)
            continue
        assert epochs is not None, "an epoch was asked for before any job"
        answer = next(epochs)
        if world.rank == 0:
            ray.get(mailbox.answer.remote(pickle.dumps(answer)))
        if answer.error and world.size > 1:
            raise RuntimeError(answer.error)  # other ranks may wait in a collective: only a restart frees them


def _answers(job: Job, world: World) -> Generator[Answer, None, None]:
    """An answer for each epoch of a job. An epoch that was finished before a death is told again, not trained again."""
    folder, board, outbox = Path(job.folder), Path(job.board), None
    try:
        if job.mirror is not None:
            outbox = take_up(job.mirror, folder, board)
            world.sum(torch.zeros((), device=world.device))  # nobody writes before all have pulled
        saved = saved_epoch(folder)
        if saved is not None:
            done = saved["number"] == job.recipe.epochs
            yield Answer(number=saved["number"], metrics=saved["metrics"], done=done)
        store = Store(job.store, mirror=job.mirror)
        for epoch in run_trial(job.recipe, folder, board, store, job.values, world, outbox):
            yield _answer(epoch)
    except Exception as error:
        if is_loss_of_a_worker(error):
            raise  # Ray Train starts the group anew, and the trial goes on
        if world.rank == 0:
            with contextlib.suppress(OSError):  # a full disk may be the very error that is told here
                write_text(folder / ERROR, traceback.format_exc())
                if outbox is not None:
                    outbox.push(patient=False)
        yield Answer(error=f"{type(error).__name__}: {one_line(error)}", done=True)


def _answer(epoch: Epoch) -> Answer:
    done = epoch.diverged or epoch.number == epoch.epochs
    return Answer(number=epoch.number, metrics=epoch.metrics, done=done, diverged=epoch.diverged)


def _agreed_place(mailbox: Any, world: World) -> int:
    place: list[int] = [ray.get(mailbox.begin.remote()) if world.rank == 0 else 0]
    if world.size > 1:
        dist.broadcast_object_list(place, src=0)
    return place[0]
