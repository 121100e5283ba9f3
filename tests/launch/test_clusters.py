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

from raykd.cluster.ssh import heard
from raykd.cluster.ssh.provider import MachinesBySSH
from run_commands import ROOT

CLUSTERS = ROOT / "launch" / "clusters"
CLOUDS = ("aws", "azure", "gcp")
OWN = ("cluster", "on_premises_gpu")
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

    def prepare(name: str) -> dict[str, Any]:
        config = util.prepare_config(raw(name))
        return MachinesBySSH.fillout_available_node_types_resources(config) if name in OWN else config

    return prepare


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
def test_what_is_needed_of_the_clone_goes_where_its_commands_look_for_it(name: str, prepared):
    config = prepared(name)
    copy = "~/.raykd/source" if name in OWN else "~/raykd-source"
    mounts = {there: here for there, here in config["file_mounts"].items() if there.startswith(copy)}
    needed = {"LICENSE", "README.md", "launch", "pyproject.toml", "raykd", "search_spaces"}
    assert set(mounts.values()) == needed | ({"requirements-cpu.txt"} if name in OWN else set())
    assert mounts == {f"{copy}/{here}": here for here in mounts.values()}
    assert all((ROOT / here).exists() for here in mounts.values())
    # A script of the home folder would take a folder there that is called raykd for the package.
    assert Path(copy).parts[1] not in mounts.values()
    assert config["head_start_ray_commands"][-1] == f"python {copy}/launch/clusters/wait.py"
    for command in [*config["head_start_ray_commands"], *config["setup_commands"]]:
        for path in re.findall(rf"{copy}/(\S+)", command):
            assert (ROOT / path).is_file()


@pytest.mark.parametrize("name", CLOUDS)
def test_a_machine_of_the_cloud_installs_raykd_and_says_so(name: str, prepared):
    assert prepared(name)["setup_commands"][-1] == "~/.venvs/raykd/bin/pip install --editable ~/raykd-source"


@pytest.mark.parametrize("name", OWN)
def test_no_file_of_a_shell_is_changed(name: str):
    """But by the comments, the file has nothing of it."""
    assert ".bashrc" not in json.dumps(raw(name))


@pytest.mark.parametrize("name", FILES)
def test_ray_is_told_to_ask_for_a_token(name: str, prepared):
    """Without it, a token that was left on the head turns that on there, and the workers stay away."""
    config = prepared(name)
    starts = config["head_start_ray_commands"] + config["worker_start_ray_commands"]
    assert [" RAY_AUTH_MODE=token " in each for each in starts if "ray start" in each] == [True, True]


@pytest.mark.parametrize("name", CLOUDS)
def test_the_head_makes_the_token_and_hands_it_on(name: str, prepared):
    config = prepared(name)
    make = "~/.venvs/raykd/bin/ray get-auth-token --generate > /dev/null && chmod 600 ~/.ray/auth_token"
    assert make in config["head_setup_commands"] and make not in config["worker_setup_commands"]
    assert config["cluster_synced_files"] == ["~/.ray/auth_token"]


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


@pytest.mark.parametrize("name", OWN)
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
        ((1,), 0.02, 1, ["1 of 3 machines have joined", "error: 2 of 3 machines have not joined in 0.02 minutes: why"]),
        ((0,), 0.02, 1, ["error: 3 of 3 machines have not joined in 0.02 minutes: why"]),
    ],
    ids=["all come", "some stay away", "none comes"],
)
def test_waiting_ends(seen, minutes, code, said, monkeypatch: pytest.MonkeyPatch, capsys):
    monkeypatch.syspath_prepend(str(CLUSTERS))
    wait = importlib.import_module("wait")
    counts = iter(seen)
    monkeypatch.setattr(wait, "joined", lambda: next(counts, seen[-1]))
    monkeypatch.setattr(wait, "reason", lambda: "why")
    monkeypatch.setattr("sys.argv", ["wait.py", "--machines", "3", "--minutes", str(minutes)])
    assert wait.main() == code
    assert capsys.readouterr().out.splitlines() == said


def test_waiting_ends_when_all_others_have_failed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    """Of machines of one's own Ray gives up who has failed once."""
    monkeypatch.syspath_prepend(str(CLUSTERS))
    wait = importlib.import_module("wait")
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    kinds = {"local.cluster.node": {"min_workers": 2}}
    (tmp_path / "config").write_text(json.dumps({"provider": {"type": "external"}, "available_node_types": kinds}))
    monkeypatch.setattr(wait, "CONFIG", tmp_path / "config")
    monkeypatch.setattr(wait, "joined", lambda: 2)
    monkeypatch.setattr("sys.argv", ["wait.py"])
    heard.file_for("10.0.0.3").write_text("no room\r\n")
    heard.has_failed("10.0.0.3")
    assert wait.main() == 1
    assert capsys.readouterr().out.splitlines() == [
        "10.0.0.3 has failed; it said last:",
        "    no room",
        "2 of 3 machines have joined",
        "error: 1 of 3 machines have not joined: 10.0.0.3; mend what is said above, and start once more",
    ]
