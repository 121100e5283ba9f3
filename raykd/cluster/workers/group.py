"""A warm group of training workers: one Ray Train run that trains many recipes, one after the other.

Imports, the data on its device and the teacher's files stay in the workers' memory between trials, so that a trial
starts in well under a second. The group outlives its trials; a worker that dies is restarted by Ray Train, and
the trial goes on from its last checkpoint.
"""

import contextlib
import pickle
import threading
from typing import Any

import ray
from ray import train
from ray.exceptions import RayActorError

from raykd.cluster.machines.resources import Resources
from raykd.cluster.workers.answer import Answer
from raykd.cluster.workers.leftovers import free_leftovers, free_placement, mailbox_name
from raykd.cluster.workers.mailbox import END, GIVEN_UP, JOB, NEXT, Mailbox
from raykd.cluster.workers.network import Network
from raykd.cluster.workers.preparation import Preparation
from raykd.cluster.workers.train_run import TrainRun
from raykd.errors import FailureError

_TIMEOUT_S = 24 * 3600  # ranks wait for each other while rank 0 alone makes an artefact, such as a teacher
_GIVEN_UP = "the workers died again and again in the same epoch"


class Group:
    """The slot's side of a group: starts it, posts jobs, waits for epochs.

    Args:
        name: of the Ray Train run, different for every group.
        folder: where Ray Train keeps its own files; a path, or the URI of a storage without folders.
        preparation: that all groups of a search take part in before their first job.
    """

    def __init__(self, name: str, folder: str, resources: Resources, preparation: Preparation | None = None):
        self._folder, self._name = folder, name
        self._mailbox: Any = ray.remote(num_cpus=0)(Mailbox).options(name=mailbox_name(self._folder, name)).remote()
        self._failure: BaseException | None = None
        self._is_up = False
        # One worker alone talks to nobody: NCCL would only take memory of a GPU that others may share.
        talks = resources.workers > 1 or resources.elastic is not None
        backend = "nccl" if resources.gpus_per_worker and talks else "gloo"
        self._trainer = TrainRun(
            _work,
            train_loop_config={
                "mailbox": self._mailbox,
                "folder": folder,
                "name": name,
                "resources": resources,
                "timeout_s": _TIMEOUT_S,
                "preparation": preparation,
            },
            backend_config=Network(backend=backend, timeout_s=_TIMEOUT_S),
            scaling_config=train.ScalingConfig(
                num_workers=resources.elastic or resources.workers,
                use_gpu=resources.gpus_per_worker > 0,
                resources_per_worker=resources.per_worker,
                placement_strategy="STRICT_PACK" if resources.on_one_machine else "PACK",
            ),
            run_config=train.RunConfig(
                name=name,
                storage_path=folder,
                # A group outlives many jobs: the mailbox counts what each of them costs, and gives it up.
                failure_config=train.FailureConfig(max_failures=-1),
                logging_config=train.LoggingConfig(log_level="ERROR"),
            ),
        )
        # `fit` returns when the group ends, and a slot has to answer Tune meanwhile.
        self._thread = threading.Thread(target=self._fit, daemon=True)
        self._thread.start()

    def start(self, job: bytes) -> None:
        """Gives the group a job; the one before it, if it is not done, is left where it stands.

        Args:
            job: pickled, as a slot loads nothing that one is made of.
        """
        ray.get(self._mailbox.post.remote(JOB, job))

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
            ready, _ = ray.wait([waiting], timeout=2.0)  # an epoch may take hours, and a group end without an answer
            if ready:
                answer = ray.get(ready[0])
                self._is_up = True
                return pickle.loads(answer) if answer != GIVEN_UP else Answer(error=_GIVEN_UP, done=True)
            if not self._is_up:  # it may wait for CPUs that a group holds whose slot has died
                free_leftovers(self._folder)
            if not self._thread.is_alive():
                raise FailureError(f"the group of workers has ended: {self._failure}") from self._failure

    def end(self) -> None:
        """Ends the group and waits until its workers are gone."""
        with contextlib.suppress(RayActorError):  # the mailbox may be what has died
            ray.get(self._mailbox.post.remote(END))
            # One that has answered nothing yet may be long at what trials share, of which nothing is lost.
            self._thread.join(timeout=30 if self._is_up else 0)
        # Of a group that hangs, or whose end found the mailbox dead, the workers go with the place that they hold.
        free_placement(self._folder, self._name)

    def _fit(self) -> None:
        try:
            self._trainer.fit()
        except BaseException as error:
            self._failure = error  # for `next_answer`, which sees that the thread has ended


def _work(config: dict[str, Any]) -> None:
    """What each worker calls. PyTorch is imported there alone, as a slot only waits."""
    import torch
    from ray.train.torch import get_device

    from raykd.cluster.workers.worker import work

    torch.set_num_threads(config["resources"].threads)
    device = get_device()
    if device.type == "cuda":
        torch.cuda.set_device(device)  # PyTorch keeps it for each thread, and this is the one that trains
    if _may_begin(config):
        work(config, device)


def _may_begin(config: dict[str, Any]) -> bool:
    """Whether what trials share is there, for which one of the search's groups makes it; the others wait."""
    preparation: Preparation | None = config["preparation"]
    if preparation is None or train.get_context().get_world_rank() > 0:
        return True  # rank 0 is waited for before the first job
    return preparation.take_part(mailbox_name(config["folder"], config["name"]))
