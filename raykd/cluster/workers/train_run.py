"""A run of Ray Train that is led by the process that calls it, with no more processes than a group of workers needs.

By itself Ray Train (2.60) starts five processes beside the workers of each run, which take as much CPU as the workers'
own start: its controller; the cleaner of its placement group, which `leftovers.py` is for here; a manager of Ray's data
sets, of which there are none; a watcher of machines that will be taken away, whose warning no worker heeds (it is off
by `SETTINGS`); an actor that workers meet at when they report, which they never do. And each run of a fixed size asks
for room at an actor of the cluster, which asks the autoscaler: the placement group of the run does that too.
"""

import asyncio
from typing import Any

import ray
from ray.train import Result
from ray.train.v2._internal.callbacks.datasets import DatasetsCallback
from ray.train.v2._internal.callbacks.placement_group_callback import PlacementGroupCleanerCallback
from ray.train.v2._internal.execution.controller import TrainController
from ray.train.v2._internal.execution.scaling_policy import FixedScalingPolicy
from ray.train.v2._internal.execution.worker_group import Worker, WorkerGroup
from ray.train.v2._internal.execution.worker_group.state import WorkerGroupStateBuilder
from ray.train.v2.api.callback import RayTrainCallback
from ray.train.v2.api.data_parallel_trainer import DataParallelTrainer

from raykd.cluster.workers.leftovers import record_placement

_LEFT_OUT = (DatasetsCallback, PlacementGroupCleanerCallback)


class TrainRun(DataParallelTrainer):
    """See the file's docstring. `fit` may be called in any thread, which it keeps until the run has ended."""

    def _create_default_callbacks(self) -> list[RayTrainCallback]:
        return [each for each in super()._create_default_callbacks() if not isinstance(each, _LEFT_OUT)]

    def _initialize_and_run_controller(self, **parts: Any) -> Result:
        if isinstance(parts["scaling_policy"], FixedScalingPolicy):
            parts["scaling_policy"] = _AsksNobody(self.scaling_config)
        controller = _Controller(**parts)
        asyncio.run(controller.run())
        return controller.get_result()


class _AsksNobody(FixedScalingPolicy):
    def _send_resource_request(self) -> None:
        pass

    def _maybe_send_resource_request(self) -> None:
        pass

    def _cancel_resource_request(self) -> None:
        pass


class _WorkerGroup(WorkerGroup):
    def _start(self) -> None:
        builder = _Builder()
        try:
            self._start_impl(builder)
        except Exception:
            if not self.has_started():
                builder.shutdown()
            raise

    def _create_placement_group(self, *arguments: Any, **more: Any) -> Any:
        made: Any = super()._create_placement_group(*arguments, **more)
        run = self._train_run_context.run_config
        record_placement(str(run.storage_path), str(run.name), made.placement_group)
        return made

    def _init_train_context_on_workers(self, workers: list[Worker], sync_actor: Any, train_context_args: Any) -> None:
        parts: dict[str, Any] = {
            "train_run_context": self._train_run_context,
            "synchronization_actor": sync_actor,
            "storage_context": self._storage_context,
            "worker_callbacks": self._worker_callbacks_to_propagate,
            "controller_actor": None,  # who leads the run need not be an actor
        }
        begun: list[Any] = []
        for number, worker in enumerate(workers):
            own = {name: values[number] for name, values in train_context_args.items()}
            begin: Any = worker.actor.init_train_context
            begun.append(begin.remote(distributed_context=worker.distributed_context, **parts, **own))
        ray.get(begun)

    def _get_worker_runtime_env(self, custom_runtime_env: Any) -> Any:  # pyright: ignore[reportIncompatibleMethodOverride]
        return {}  # as the process that leads the run has it, so that Ray may take a process that it has at hand


class _Builder(WorkerGroupStateBuilder):
    def with_sync_actor(self, sync_actor: Any) -> WorkerGroupStateBuilder:
        ray.kill(sync_actor)  # before it has a process: nobody reports
        return super().with_sync_actor(sync_actor)


class _Controller(TrainController):
    worker_group_cls = _WorkerGroup
