"""What the cluster's autoscaler says of itself, the first or the second that Ray has.

Every head runs one, also of a cluster whose machines are fixed: that one only watches, and knows no types of machines.
"""

import json

import ray
from ray._private.ray_constants import DEBUG_AUTOSCALING_STATUS
from ray._raylet import GcsClient  # pyright: ignore[reportAttributeAccessIssue]
from ray.autoscaler.v2.utils import is_autoscaler_v2
from ray.core.generated.autoscaler_pb2 import GetClusterStatusReply  # pyright: ignore[reportAttributeAccessIssue]
from ray.experimental.internal_kv import _internal_kv_get

_UNKNOWN_TYPE = "node_"  # the watching one makes up a type for each machine, with its identity


def starts_machines() -> bool:
    """Whether the connected cluster has an autoscaler that can start machines."""
    if not is_autoscaler_v2(fetch_from_server=True):
        return any(not kind.startswith(_UNKNOWN_TYPE) for kind in _first_report().get("active_nodes") or {})
    status = _status()
    known = any(node.ray_node_type_name for node in status.cluster_resource_state.node_states)
    return known and status.autoscaling_state.autoscaler_state_version > 0


def is_starting_machines() -> bool:
    """Whether machines are on their way."""
    if not is_autoscaler_v2():
        report = _first_report()
        return bool(report.get("pending_launches") or report.get("pending_nodes"))
    state = _status().autoscaling_state
    return bool(state.pending_instance_requests or state.pending_instances)


def _status() -> GetClusterStatusReply:
    client = GcsClient(ray.get_runtime_context().gcs_address)
    return GetClusterStatusReply.FromString(client.get_cluster_status(timeout_s=10))


def _first_report() -> dict[str, dict[str, int]]:
    """The first autoscaler's last report; empty until there is one."""
    status = _internal_kv_get(DEBUG_AUTOSCALING_STATUS)
    return (json.loads(status) if status else {}).get("autoscaler_report") or {}
