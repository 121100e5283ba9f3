"""Machines of one's own, reached by SSH, for Ray's cluster commands; a cluster file names the class."""

import contextlib
import os
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType
from typing import Any

import click
from ray.autoscaler._private.local.config import LOCAL_CLUSTER_NODE_TYPE, prepare_manual
from ray.autoscaler._private.local.node_provider import ClusterState, LocalNodeProvider
from ray.autoscaler._private.providers import _get_default_config
from ray.autoscaler.node_provider import NodeProvider
from ray.autoscaler.tags import (
    NODE_KIND_HEAD,
    STATUS_UP_TO_DATE,
    STATUS_UPDATE_FAILED,
    TAG_RAY_NODE_KIND,
    TAG_RAY_NODE_STATUS,
)

from raykd.cluster.ssh import heard
from raykd.cluster.ssh.look import look
from raykd.cluster.ssh.places import TOKEN, folder, token, user
from raykd.cluster.ssh.runner import Runner
from raykd.errors import InvalidError, NotPermittedError, UnreachableError, UserError

_CACHE = "_config_cache_path"  # of `provider`, where Ray has left what it made of the cluster file


class MachinesBySSH(LocalNodeProvider):
    """Ray's own provider, with a user, a token and files that are the caller's.

    It inherits since the head asks for `LocalNodeProvider` by its class when it notes that it runs.
    """

    def __init__(self, provider_config: dict[str, Any], cluster_name: str):
        NodeProvider.__init__(self, provider_config, cluster_name)
        with _one_line():
            base = folder() / f"cluster-{cluster_name}"
        self.state = ClusterState(f"{base}.lock", f"{base}.state", provider_config)
        self.use_coordinator = False

    @staticmethod
    def fillout_available_node_types_resources(cluster_config: dict[str, Any]) -> dict[str, Any]:
        """What Ray fills in for `type: local`: one kind of machine, all of `worker_ips`."""
        kind = {LOCAL_CLUSTER_NODE_TYPE: {"node_config": {}, "resources": {}}}
        there = {"available_node_types": kind, "head_node_type": LOCAL_CLUSTER_NODE_TYPE}
        config = _get_default_config({"type": "local"}) | cluster_config | there
        config["max_workers"] = min(config["max_workers"], len(config["provider"]["worker_ips"]))
        return prepare_manual(config | {"min_workers": config["max_workers"]})

    @staticmethod
    def bootstrap_config(cluster_config: dict[str, Any]) -> dict[str, Any]:
        """The token goes to every machine, by SSH, and no command line has it."""
        token()
        return cluster_config | {"file_mounts": cluster_config["file_mounts"] | {TOKEN: TOKEN}}

    def non_terminated_nodes(self, tag_filters: dict[str, str]) -> list[str]:
        """The machines that are up; where a command finds no head it ends, before Ray's own traceback."""
        found = super().non_terminated_nodes(tag_filters)
        command = click.get_current_context(silent=True)  # none on the head
        if found or command is None or tag_filters != {TAG_RAY_NODE_KIND: NODE_KIND_HEAD}:
            return found
        if command.info_name != "up" and not command.params.get("start"):
            raise click.ClickException(f"the cluster is not up: ray up {command.params['cluster_config_file']}")
        return found

    def set_node_tags(self, node_id: str, tags: dict[str, str]) -> None:
        super().set_node_tags(node_id, tags)
        if node_id != self.provider_config["head_ip"]:
            status = tags.get(TAG_RAY_NODE_STATUS)
            if status == STATUS_UP_TO_DATE:
                heard.has_joined(node_id)
            if status == STATUS_UPDATE_FAILED:
                heard.has_failed(node_id)

    def get_command_runner(
        self,
        log_prefix: str,
        node_id: str,
        auth_config: dict[str, Any],
        cluster_name: str,
        process_runner: ModuleType,
        use_internal_ip: bool,
        docker_config: dict[str, Any] | None = None,
    ) -> Runner:
        # The head sets workers up; a command of a person's, such as `ray attach --node-ip`, speaks to the terminal.
        is_set_up = node_id != self.provider_config["head_ip"] and click.get_current_context(silent=True) is None
        with _one_line():
            if docker_config and docker_config.get("container_name"):
                raise InvalidError("docker in a cluster file needs provider type local, not external")
            runner = self.runner(node_id, auth_config, log_prefix, process_runner, use_internal_ip)
            runner.words = heard.file_for(node_id) if is_set_up else None
            return runner

    def runner(
        self,
        node_id: str,
        auth_config: dict[str, Any],
        log_prefix: str = "",
        process_runner: ModuleType = subprocess,
        use_internal_ip: bool = False,
    ) -> Runner:
        """What runs commands on a machine, after a look at it where it is the head.

        Raises:
            UserError: the head cannot be logged in to, or lacks something.
        """
        runner = Runner(
            log_prefix=log_prefix,
            node_id=node_id,
            provider=self,
            auth_config={"ssh_user": user()} | auth_config,
            cluster_name=self.cluster_name,
            process_runner=process_runner,
            use_internal_ip=use_internal_ip,
        )
        Path(str(runner.ssh_control_path)).mkdir(mode=0o700, exist_ok=True)
        if node_id == self.provider_config["head_ip"]:  # the head itself asks for workers alone
            _forget(self.provider_config.get(_CACHE))
            options = runner.ssh_options.to_ssh_options_list(timeout=10)
            look(tuple(options), runner.ssh_user, self._address(node_id))
        return runner

    def _address(self, host: str) -> str:
        try:
            return self.external_ip(host)
        except socket.gaierror as error:
            raise UnreachableError(f"no address is known for {host}, of the cluster file: {error.strerror}") from None


def _forget(cache: str | None) -> None:
    """Removes what Ray keeps of a cluster file, in a place whose name anyone can tell, and runs the next time.

    Raises:
        NotPermittedError: another user has left it, whose commands would run as this one's.
    """
    if cache is None or not os.path.lexists(cache):
        return
    if os.lstat(cache).st_uid != os.getuid():
        raise NotPermittedError(
            f"{cache} is another user's, and Ray would run what it says; TMPDIR=~ ray ... goes past it"
        )
    Path(cache).unlink()


@contextlib.contextmanager
def _one_line() -> Iterator[None]:
    """An error that a person can mend is a line on Ray's command line, too."""
    try:
        yield
    except UserError as error:
        raise click.ClickException(str(error)) from None
