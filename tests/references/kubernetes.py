"""The fields of the Kubernetes objects in launch/kubernetes, and what they hold, as their publishers list them.

RayJob, RayCluster: KubeRay's API ray.io/v1 (ray-operator/apis/ray/v1, Apache-2.0), read at its chart 1.6.0-rc.0.
All else: Kubernetes' API 1.37, of which only fields stand here that a search may need. The cluster's own validation
refuses or drops what is not listed. A type holds for its whole list or mapping; `!` marks what is required.
"""

from typing import Any

QUANTITY = (str, int)
TEXTS = {"*": str}
QUANTITIES = {"*": QUANTITY}

METADATA = {"name": str, "generateName": str, "namespace": str, "labels": TEXTS, "annotations": TEXTS}
RESOURCES = {"requests": QUANTITIES, "limits": QUANTITIES}
VARIABLE = {"name!": str, "value": str, "valueFrom": {"*": {"*": str}}}
MOUNT = {"name!": str, "mountPath!": str, "readOnly": bool, "subPath": str}
PROBE = {"httpGet": {"path": str, "port!": (str, int)}, "periodSeconds": int, "failureThreshold": int}
CONTAINER: dict[str, Any] = {
    "name!": str,
    "image": str,
    "imagePullPolicy": str,
    "command": [str],
    "args": [str],
    "workingDir": str,
    "env": [VARIABLE],
    "ports": [{"name": str, "containerPort!": int, "protocol": str}],
    "resources": RESOURCES,
    "readinessProbe": PROBE,
    "securityContext": {"allowPrivilegeEscalation": bool, "runAsNonRoot": bool, "runAsUser": int},
    "volumeMounts": [MOUNT],
}
VOLUME = {
    "name!": str,
    "persistentVolumeClaim": {"claimName!": str, "readOnly": bool},
    "emptyDir": {"medium": str, "sizeLimit": QUANTITY},
}
POD = {
    "metadata": METADATA,
    "spec": {
        "containers!": [CONTAINER],
        "volumes": [VOLUME],
        "securityContext": {"fsGroup": int, "runAsNonRoot": bool, "runAsUser": int},
        "nodeSelector": TEXTS,
        "tolerations": [{"key": str, "operator": str, "value": str, "effect": str}],
        "serviceAccountName": str,
    },
}

START_OPTIONS = {"rayStartParams!": TEXTS, "template!": POD}
RAY_CLUSTER: dict[str, Any] = {
    "headGroupSpec!": START_OPTIONS | {"serviceType": str, "headService": {"*": object}, "enableIngress": bool},
    "workerGroupSpecs": [
        START_OPTIONS
        | {"groupName!": str, "replicas": int, "minReplicas!": int, "maxReplicas!": int, "numOfHosts": int}
        | {"scaleStrategy": {"workersToDelete": [str]}}
    ],
    "rayVersion": str,
    "authOptions": {"mode": str, "secretName": str},
    "enableInTreeAutoscaling": bool,
    "autoscalerOptions": {"idleTimeoutSeconds": int, "upscalingMode": str, "image": str, "resources": RESOURCES},
    "headServiceAnnotations": TEXTS,
    "suspend": bool,
}
RAY_JOB: dict[str, Any] = {
    "entrypoint": str,
    "runtimeEnvYAML": str,
    "rayClusterSpec": RAY_CLUSTER,
    "clusterSelector": TEXTS,
    "submissionMode": str,
    "submitterPodTemplate": POD,
    "submitterConfig": {"backoffLimit": int},
    "shutdownAfterJobFinishes": bool,
    "ttlSecondsAfterFinished": int,
    "activeDeadlineSeconds": int,
    "backoffLimit": int,
    "suspend": bool,
    "jobId": str,
    "metadata": TEXTS,
    "entrypointNumCpus": (int, float),
    "entrypointNumGpus": (int, float),
    "entrypointResources": str,
}
CLAIM = {"accessModes": [str], "resources": RESOURCES, "storageClassName": str, "volumeMode": str}
DEPLOYMENT = {"replicas": int, "selector!": {"matchLabels": TEXTS}, "template!": POD, "strategy": {"type": str}}
SERVICE = {
    "type": str,
    "selector": TEXTS,
    "ports": [{"name": str, "port!": int, "targetPort": (str, int), "protocol": str, "nodePort": int}],
}
SPECS: dict[tuple[str, str], dict[str, Any]] = {
    ("ray.io/v1", "RayJob"): RAY_JOB,
    ("v1", "PersistentVolumeClaim"): CLAIM,
    ("apps/v1", "Deployment"): DEPLOYMENT,
    ("v1", "Service"): SERVICE,
}


def faults(document: dict[str, Any]) -> list[str]:
    """What the publishers' lists do not allow in an object, one line each."""
    key = (document["apiVersion"], document["kind"])
    fields = {"apiVersion!": str, "kind!": str, "metadata!": METADATA, "spec!": SPECS[key]}
    return _faults(document, fields, document["kind"])


def _faults(value: Any, wanted: Any, where: str) -> list[str]:
    if isinstance(wanted, dict):
        return _field_faults(value, wanted, where) if isinstance(value, dict) else [f"{where} is no mapping"]
    if isinstance(wanted, list):
        if not isinstance(value, list):
            return [f"{where} is no list"]
        return [fault for index, item in enumerate(value) for fault in _faults(item, wanted[0], f"{where}[{index}]")]
    right = isinstance(value, wanted) and not (isinstance(value, bool) and wanted not in (bool, object))
    return [] if right else [f"{where} is {value!r}"]


def _field_faults(value: dict[str, Any], wanted: dict[str, Any], where: str) -> list[str]:
    kinds = {name.rstrip("!"): kind for name, kind in wanted.items()}
    found = [f"{where} lacks {name[:-1]}" for name in wanted if name.endswith("!") and name[:-1] not in value]
    for name, item in value.items():
        kind = kinds.get(name, kinds.get("*"))
        found += [f"{where} has no {name}"] if kind is None else _faults(item, kind, f"{where}.{name}")
    return found
