"""The cluster files: Ray's own validation takes them, they agree with each other, and each header is a manual."""

import importlib
import json
import re
import runpy
from pathlib import Path
from typing import Any

import pytest
import ray.autoscaler
import yaml
from ray.autoscaler._private import util

from run_commands import ROOT

CLUSTERS = ROOT / "launch" / "clusters"
CLOUDS = ("aws", "azure", "gcp")
FILES = {path.stem: path for path in (ROOT / "cluster.yaml", *sorted(CLUSTERS.glob("*.yaml")))}


def raw(name: str) -> dict[str, Any]:
    return yaml.safe_load(FILES[name].read_text())


def header(name: str) -> str:
    """The comment that a file begins with."""
    lines = FILES[name].read_text().splitlines()
    return "\n".join(line[2:] for line in lines[: next(n for n, line in enumerate(lines) if line[:1] != "#")])


@pytest.fixture
def prepared(monkeypatch: pytest.MonkeyPatch):
    """What Ray makes of a file, run in the clone."""
    monkeypatch.chdir(ROOT)
    return lambda name: util.prepare_config(raw(name))


def test_there_is_one_for_every_cloud_and_for_machines_of_ones_own():
    assert sorted(FILES) == ["aws", "azure", "cluster", "gcp", "on_premises_gpu"]


@pytest.mark.parametrize("name", FILES)
def test_ray_takes_it(name: str, prepared):
    util.validate_config(prepared(name))


def test_rays_validation_refuses_a_mistyped_field(prepared):
    config = prepared("aws")
    config["available_node_types"]["worker"]["min_worker"] = 1
    with pytest.raises(Exception, match="min_worker"):
        util.validate_config(config)


@pytest.mark.parametrize("name", FILES)
def test_the_clone_goes_where_its_commands_look_for_it(name: str, prepared):
    config = prepared(name)
    assert (ROOT / config["file_mounts"]["~/raykd-source"]).samefile(ROOT)
    assert config["rsync_filter"] == [".gitignore"]
    assert config["setup_commands"][-1] == "~/.venvs/raykd/bin/pip install --quiet --editable ~/raykd-source"
    assert config["head_start_ray_commands"][-1] == "python ~/raykd-source/launch/clusters/wait.py"
    for command in [*config["head_start_ray_commands"], *config["setup_commands"]]:
        for path in re.findall(r"~/raykd-source/(\S+)", command):
            assert (ROOT / path).is_file()


@pytest.mark.parametrize("name", FILES)
def test_no_command_hides_its_end_from_the_shell(name: str):
    """Ray puts a command in parentheses: a comment at its end would swallow the closing one."""
    for kind, value in raw(name).items():
        if kind.endswith("commands"):
            assert not [command for command in value if "#" in command]


@pytest.mark.parametrize("name", [name for name in FILES if name != "cluster"])
def test_trials_run_on_workers_alone(name: str, prepared):
    config = prepared(name)
    (start,) = (command for command in config["head_start_ray_commands"] if " --head" in command)
    if name in CLOUDS:
        assert config["available_node_types"][config["head_node_type"]]["resources"]["CPU"] == 0
    else:  # Ray overrides no resources on machines that it did not make
        assert "--num-cpus=0 --num-gpus=0" in start


@pytest.mark.parametrize("name", CLOUDS)
def test_the_cloud_keeps_as_many_gpu_machines_as_a_search_plans_for(name: str, prepared):
    config = prepared(name)
    worker = config["available_node_types"]["worker"]
    assert worker["min_workers"] == worker["max_workers"] == config["max_workers"] > 0
    assert worker["resources"].get("GPU") == (None if name == "aws" else 1)  # Ray asks AWS


def test_workers_are_spot_machines():
    worker = {name: raw(name)["available_node_types"]["worker"]["node_config"] for name in CLOUDS}
    assert worker["aws"]["InstanceMarketOptions"] == {"MarketType": "spot"}
    assert worker["azure"]["azure_arm_parameters"]["priority"] == "Spot"
    assert worker["gcp"]["scheduling"]["provisioningModel"] == "SPOT"


@pytest.mark.parametrize("kind", ["head", "worker"])
def test_azures_template_knows_the_parameters(kind: str):
    folder = Path(ray.autoscaler.__file__).parent / "_private" / "_azure"
    known = json.loads((folder / "azure-vm-template.json").read_text())["parameters"]
    types = {"string": str, "int": int, "bool": bool, "object": dict}
    given = raw("azure")["available_node_types"][kind]["node_config"]["azure_arm_parameters"]
    assert {name: type(value) for name, value in given.items()} == {name: types[known[name]["type"]] for name in given}


@pytest.mark.parametrize("kind", ["head", "worker"])
def test_googles_machines_are_compute_machines_of_that_zone(kind: str):
    config = raw("gcp")
    node = config["available_node_types"][kind]["node_config"]
    zone = config["provider"]["availability_zone"]
    assert zone.startswith(config["provider"]["region"])
    assert {disk["initializeParams"]["diskType"].split("/")[1] for disk in node["disks"]} == {zone}
    assert "machineType" in node


@pytest.mark.parametrize("name", CLOUDS)
def test_every_machine_mounts_the_storage_once(name: str, prepared):
    config = prepared(name)
    (mount,) = (
        command for command in config["initialization_commands"] + config["setup_commands"] if " mount -t " in command
    )
    assert mount.startswith("sudo mkdir -p /mnt/raykd && { mountpoint -q /mnt/raykd || sudo mount -t ")
    assert mount.endswith("; }")


@pytest.mark.parametrize("name", ["cluster", "on_premises_gpu"])
def test_machines_of_ones_own_need_the_older_autoscaler(name: str, prepared):
    (start,) = (command for command in prepared(name)["head_start_ray_commands"] if " --head" in command)
    assert "RAY_enable_autoscaler_v2=0 " in start


@pytest.mark.parametrize("name", FILES)
def test_the_header_is_the_manual(name: str):
    text, file = header(name), FILES[name].relative_to(ROOT)
    for command in ("up", "submit", "rsync-down", "down", "dashboard", "exec"):
        assert f"ray {command} {file}" in text
    script, _, options = text.split(f"ray submit {file} ")[1].splitlines()[0].partition(" -- ")
    parse = runpy.run_path(str(ROOT / script))["parser"]().parse_args
    assert parse(options.split()).trials == 40
    for word in ("SSH", "token", "--port-forward 6006", "unquoted"):
        assert word in text
    marks = set(re.findall(r"marked lines? (\(\d\))", text))
    assert all(FILES[name].read_text().count(mark) > text.count(mark) for mark in marks)


@pytest.mark.parametrize("name", CLOUDS)
def test_what_was_not_tried_is_not_claimed(name: str):
    assert "not yet tried there" in header(name)


def test_waiting_counts_the_head_and_the_workers_that_are_kept(prepared, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.syspath_prepend(str(CLUSTERS))
    wait = importlib.import_module("wait")
    assert wait.expected(prepared("cluster")) == 1
    assert wait.expected(prepared("on_premises_gpu")) == 3
    assert wait.expected(prepared("aws")) == 5


@pytest.mark.parametrize(
    ("seen", "minutes", "code", "said"),
    [
        ((0, 1, 1, 3), 1, 0, ["1 of 3 machines have joined", "3 of 3 machines have joined"]),
        ((1,), 0.02, 0, ["1 of 3 machines have joined", "waited long enough"]),
        ((0,), 0.02, 1, ["waited long enough"]),
    ],
    ids=["all come", "some stay away", "none comes"],
)
def test_waiting_ends(seen, minutes, code, said, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.syspath_prepend(str(CLUSTERS))
    wait = importlib.import_module("wait")
    counts = iter(seen)
    monkeypatch.setattr(wait, "joined", lambda: next(counts, seen[-1]))
    monkeypatch.setattr("sys.argv", ["wait.py", "--machines", "3", "--minutes", str(minutes)])
    assert wait.main() == code
    lines = capsys.readouterr().out.splitlines()
    assert [line.split(";")[0] for line in lines] == said
