"""The Kubernetes files: fields that KubeRay and Kubernetes publish, one image, one storage, nothing open to outside."""

import re
import runpy
import shlex
from importlib import metadata
from typing import Any

import pytest
import yaml
from packaging.version import Version

from references.kubernetes import faults
from run_commands import ROOT

FOLDER = ROOT / "launch" / "kubernetes"
DOCUMENTS: dict[str, dict[str, Any]] = {
    document["kind"]: document
    for path in sorted(FOLDER.glob("*.yaml"))
    for document in yaml.safe_load_all(path.read_text())
}
JOB = DOCUMENTS["RayJob"]["spec"]
CLUSTER = JOB["rayClusterSpec"]
GROUPS = [CLUSTER["headGroupSpec"], *CLUSTER["workerGroupSpecs"]]
PODS = [*(group["template"]["spec"] for group in GROUPS), DOCUMENTS["Deployment"]["spec"]["template"]["spec"]]


def test_a_search_its_storage_and_tensorboard_are_there():
    assert sorted(DOCUMENTS) == ["Deployment", "PersistentVolumeClaim", "RayJob", "Service"]


@pytest.mark.parametrize("kind", DOCUMENTS)
def test_every_field_is_a_published_one(kind: str):
    assert faults(DOCUMENTS[kind]) == []


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"entryPoint": "python"}, "RayJob.spec has no entryPoint"),
        ({"ttlSecondsAfterFinished": "600"}, "RayJob.spec.ttlSecondsAfterFinished is '600'"),
        ({"suspend": 1}, "RayJob.spec.suspend is 1"),
        ({"rayClusterSpec": {"workerGroupSpecs": []}}, "RayJob.spec.rayClusterSpec lacks headGroupSpec"),
    ],
)
def test_the_check_sees_a_mistake(change: dict[str, Any], fault: str):
    job = DOCUMENTS["RayJob"]
    assert faults(job | {"spec": job["spec"] | change}) == [fault]


def test_the_search_is_one_that_the_script_understands():
    python, script, *options = shlex.split(JOB["entrypoint"])
    assert python == "python"
    parsed = runpy.run_path(str(ROOT / script))["parser"]().parse_args(options)
    assert parsed.storage == "/mnt/raykd"


def test_all_pods_share_the_storage():
    claim = DOCUMENTS["PersistentVolumeClaim"]
    assert claim["spec"]["accessModes"] == ["ReadWriteMany"]
    for pod in PODS:
        volumes = {volume["name"]: volume for volume in pod["volumes"]}
        (container,) = pod["containers"]
        mounts = {mount["mountPath"]: volumes[mount["name"]] for mount in container["volumeMounts"]}
        assert mounts["/mnt/raykd"]["persistentVolumeClaim"]["claimName"] == claim["metadata"]["name"]


def test_the_image_is_the_one_that_the_dockerfile_makes():
    lines = (FOLDER / "Dockerfile").read_text().splitlines()
    words = dict(line.split(" ", 1) for line in lines if not line.startswith("#"))
    assert {pod["containers"][0]["image"] for pod in PODS} == {"REGISTRY/raykd"}
    assert {pod["containers"][0].get("workingDir", words["WORKDIR"]) for pod in PODS} == {words["WORKDIR"]}
    version = re.fullmatch(r"rayproject/ray:([\d.]+)-py312-gpu", words["FROM"])
    assert version is not None and version[1] == CLUSTER["rayVersion"]
    assert Version(version[1]).release[:2] == Version(metadata.version("ray")).release[:2]


def test_trials_run_on_workers_with_a_gpu_each():
    head, worker = GROUPS
    assert head["rayStartParams"]["num-cpus"] == "0"
    assert worker["template"]["spec"]["containers"][0]["resources"]["limits"]["nvidia.com/gpu"] == "1"
    assert worker["replicas"] == worker["minReplicas"] == worker["maxReplicas"] > 0


def test_nothing_can_be_reached_from_outside():
    service = DOCUMENTS["Service"]["spec"]
    assert service["type"] == "ClusterIP"
    assert not {"serviceType", "enableIngress", "headService"} & set(CLUSTER["headGroupSpec"])
    deployment = DOCUMENTS["Deployment"]["spec"]
    assert service["selector"] == deployment["selector"]["matchLabels"] == deployment["template"]["metadata"]["labels"]
    (port,) = service["ports"]
    named = {entry["name"]: entry for entry in PODS[-1]["containers"][0]["ports"]}
    assert named[port["targetPort"]]["containerPort"] == port["port"]


def test_ray_asks_for_a_token():
    assert CLUSTER["authOptions"] == {"mode": "token"}
