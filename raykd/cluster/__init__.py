"""The only package that imports Ray: worker groups, trials, the search.

Its settings are given before Ray is imported, because Ray reads them then; what a user has set stays.

What it leans on that is not public in Ray 2.60 is named here, by the file that touches it, with the test of
`tests/cluster/` that fails first when a new Ray changes it; what bends Ray Tune is named in `tuner/__init__.py`.

workers/network.py: Ray Train has no public way to choose where the workers of a group meet.
    ray.train._internal.base_worker_group.BaseWorkerGroup, ray.train.torch.config._set_torch_distributed_env_vars
        what a backend is given to set up `torch.distributed`, and what tells PyTorch its rank.
        workers/test_group.py::test_two_workers_give_the_numbers_of_two_processes

workers/train_run.py: Ray Train starts five processes beside a group's workers, and has no settings to leave them out.
    ray.train.v2._internal.execution.controller.TrainController, DataParallelTrainer._initialize_and_run_controller
        what leads a run, and what starts it, as an actor; it is led by the process that calls `fit` instead.
        workers/test_train_run.py::test_a_run_has_its_workers_and_no_other_process
    ray.train.v2._internal.callbacks.datasets.DatasetsCallback, DataParallelTrainer._create_default_callbacks,
    ray.train.v2._internal.callbacks.placement_group_callback.PlacementGroupCleanerCallback
        what starts two of them, and where both are found.
        workers/test_train_run.py::test_a_run_has_its_workers_and_no_other_process
    ray.train.v2._internal.execution.worker_group.WorkerGroup, ray.train.v2._internal.execution.worker_group.Worker,
    WorkerGroup._start, WorkerGroup._start_impl, WorkerGroup._init_train_context_on_workers,
    WorkerGroup._train_run_context, WorkerGroup._storage_context, WorkerGroup._worker_callbacks_to_propagate,
    WorkerGroup._get_worker_runtime_env, ray.train.v2._internal.execution.worker_group.state.WorkerGroupStateBuilder
        what starts the workers, and another actor, which is ended before it has a process.
        workers/test_train_run.py::test_a_run_has_its_workers_and_no_other_process
    WorkerGroup._create_placement_group, WorkerGroup._train_run_context
        what makes the place that workers hold, and what says whose it is.
        workers/test_group.py::test_a_group_that_ends_before_its_workers_are_up_holds_nothing
    ray.train.v2._internal.execution.scaling_policy.FixedScalingPolicy, FixedScalingPolicy._send_resource_request,
    FixedScalingPolicy._maybe_send_resource_request, FixedScalingPolicy._cancel_resource_request
        what asks for room, at an actor of the cluster.
        workers/test_train_run.py::test_a_run_has_its_workers_and_no_other_process

workers/leftovers.py: Ray has no public table that all machines of a cluster see and that outlives a process.
    internal_kv._internal_kv_put, internal_kv._internal_kv_get, internal_kv._internal_kv_list,
    internal_kv._internal_kv_del
        the table that the cluster itself keeps.
        tuner/test_recovery.py::test_only_what_has_lost_its_mailbox_and_only_for_a_trial_that_waits

workers/preparation.py: the same table, by which groups and driver agree on who makes what all trials share.
    internal_kv._internal_kv_put, internal_kv._internal_kv_get, internal_kv._internal_kv_list,
    internal_kv._internal_kv_del
        workers/test_preparation.py::test_one_makes_it_and_the_driver_hears_of_it

workers/coordinator.py: Ray makes the actor that elastic trials ask for room wherever it is needed first.
    ray.data._internal.cluster_autoscaler.default_autoscaling_coordinator.HEAD_NODE_RESOURCE_LABEL,
    ray.data._internal.cluster_autoscaler.default_autoscaling_coordinator.get_or_create_autoscaling_coordinator
        what makes it, and what tells the head from other machines.
        workers/test_coordinator.py::test_it_is_made_once_and_answers

machines/connect.py: Ray prints its notices past all loggers.
    ray._private.worker
        whose `print_to_stdstream` does; it is replaced while a search runs.
        machines/test_connect.py::test_local_starts_its_own_beside_it

machines/whose.py: Ray looks for a cluster on this machine only while it connects, which may start one.
    ray._common.utils.get_ray_address_file
        where `ray start` leaves a cluster's address on this machine.
        machines/test_connect.py::test_a_cluster_that_was_started_on_this_node_is_joined

machines/greeting.py: Ray says what keeps a process from a cluster by pages of tracebacks, once it has joined.
    ray._common.usage.usage_lib.get_cluster_metadata, ray._private.utils.check_version_info,
    ray._private.utils.compute_version_info
        the versions of the other side, how Ray compares them, and those of this one.
        machines/test_connect.py::test_other_versions_are_one_line
    ray._raylet.GcsClient, ray._private.services.get_node_to_connect_for_driver
        whom to ask, and the sockets that a driver would be sent to.
        machines/test_connect.py::test_another_token_is_one_line

machines/own_ray.py: Ray has no settings for which of its processes start, and none for loopback.
    ray._private.node.Node
        whose start_api_server, start_monitor and start_log_monitor start processes that no setting leaves out.
        machines/test_connect.py::test_a_ray_of_ones_own_has_no_process_that_a_search_does_not_use
    ray._private.ray_constants
        whose ENABLE_RAY_CLUSTER is false where Ray takes every machine for 127.0.0.1.
        machines/test_connect.py::test_a_ray_of_ones_own_listens_on_loopback_alone

machines/token.py: Ray sends a token to a cluster that it finds by itself alone, and it is raykd that finds it here.
    ray._private.authentication.authentication_token_setup.AUTH_MODE_ENV_VAR, ray._raylet.AuthenticationTokenLoader,
    ray._raylet.Config
        what turns tokens on, whether there is one, and what reads the first again.
        machines/test_connect.py::test_a_token_that_a_search_has_left_is_sent

machines/autoscaler.py: Ray tells what its autoscaler does on the command line only, by `ray status`.
    ray._private.ray_constants.DEBUG_AUTOSCALING_STATUS, ray.experimental.internal_kv._internal_kv_get
        where the first autoscaler leaves its report.
        machines/test_autoscaling.py::test_machines_come_for_the_slots
    ray._raylet.GcsClient
        whom to ask for the second one's.
        machines/test_autoscaling.py::test_machines_come_for_the_slots

ssh/provider.py: Ray has no public provider for machines of one's own that another could be made of.
    ray.autoscaler._private.local.config.LOCAL_CLUSTER_NODE_TYPE, ray.autoscaler._private.local.config.prepare_manual,
    ray.autoscaler._private.providers._get_default_config
        what a cluster file of such machines means, and what it need not say.
        ssh/test_provider.py::test_all_workers_of_the_file_join
    ray.autoscaler._private.local.node_provider.ClusterState,
    ray.autoscaler._private.local.node_provider.LocalNodeProvider
        the machines that are up, in a file, and the class by which the head knows that it must note itself there.
        ssh/test_provider.py::test_state_and_lock_are_the_users_own

ssh/runner.py: Ray logs in by a class of its own.
    ray.autoscaler._private.command_runner.SSHCommandRunner, ray.autoscaler._private.command_runner.SSHOptions
        how it runs a command, and by which options.
        ssh/test_runner.py::test_a_submitted_script_goes_to_the_clones_copy
    SSHCommandRunner._run_helper, SSHCommandRunner._get_node_ip
        what starts `ssh`, and where it goes to.
        ssh/test_runner.py::test_what_a_worker_says_goes_to_its_file

rehearsal.py: PyTorch has no public base of its batch normalisations.
    nn.modules.batchnorm._BatchNorm
        that base, of each number of dimensions and across workers.
        test_rehearsal.py::test_a_deep_stand_in_gives_features_that_can_be_clustered
"""

import os

SETTINGS = {
    "RAY_TRAIN_V2_ENABLED": "1",
    "RAY_TRAIN_ENABLE_PREEMPTION_WATCHER": "0",  # a process for each group, whose warning no worker heeds
    "RAY_TRAIN_HEALTH_CHECK_INTERVAL_S": "0.5",  # at Ray's 2 s a group's start and end wait for the next check
    "RAY_USAGE_STATS_ENABLED": "0",
    "TUNE_DISABLE_AUTO_CALLBACK_LOGGERS": "1",  # raykd writes its own records, one folder a trial
    "TUNE_GLOBAL_CHECKPOINT_S": "1000000000",  # a search goes on from its own ledger: what Tune saves nobody reads
    "RAY_AIR_NEW_OUTPUT": "0",  # the old output can be replaced (`NoTrialProgress`), the new one only be added
    "RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO": "0",
}

for _name, _value in SETTINGS.items():
    os.environ.setdefault(_name, _value)
