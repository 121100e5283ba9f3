"""Each command has the cluster's environment, and `ray submit` and `ray stop` harm nothing of the user's."""

import os
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any

import click
import pytest
import ray

from raykd.cluster.ssh import places, runner


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("RAY_TMPDIR", str(tmp_path))
    return tmp_path


@pytest.fixture
def commands(home: Path, monkeypatch: pytest.MonkeyPatch) -> list[list[str]]:
    """What would be run, by a runner that is made of them."""
    found: list[list[str]] = []
    monkeypatch.setattr(runner.Runner, "_run_helper", lambda self, call, *words, **options: found.append(call))
    monkeypatch.setattr(runner, "_sent", {})
    return found


def make(host: str = "10.0.0.2", **of_provider: object) -> runner.Runner:
    class Provider:
        provider_config = of_provider

        def external_ip(self, node: str) -> str:
            return node

    given: dict[str, Any] = {"log_prefix": "", "node_id": host, "provider": Provider(), "cluster_name": "raykd"}
    return runner.Runner(**given, auth_config={"ssh_user": "ada"}, process_runner=subprocess, use_internal_ip=False)


def seen(command: str, **variables: str) -> subprocess.CompletedProcess[str]:
    call = ["bash", "-c", f"({runner.environment(places.ports('ada'))}{command})"]
    return subprocess.run(call, env=os.environ | variables, capture_output=True, text=True, check=False)


def test_a_command_finds_python_raykd_and_the_token(home: Path):
    words = "$PATH $PYTHONPATH $RAY_AUTH_MODE $RAY_AUTH_TOKEN_PATH $RAYKD_PREFIX $RAYKD_RAY $RAYKD_PORT"
    path, *others = seen(f'echo "{words}"').stdout.split()
    assert path.split(":")[:2] == [f"{home}/.raykd/environment/bin", f"{sys.prefix}/bin"]
    port = str(places.ports("ada")[0])
    source, token = f"{home}/.raykd/source", f"{home}/.raykd/token"
    assert others == [source, "token", token, sys.prefix, ray.__version__, port]


def test_no_other_token_and_no_other_cluster_is_taken(home: Path):
    told = seen('echo "$RAY_AUTH_TOKEN-$RAY_ADDRESS"', RAY_AUTH_TOKEN="another", RAY_ADDRESS="10.0.0.9:6379")
    assert told.stdout == "-\n"


def test_ray_has_the_folder_of_the_user(home: Path):
    assert seen("echo $RAY_TMPDIR").stdout == f"{places.folder()}\n"
    assert seen("echo $RAY_TMPDIR", RAY_TMPDIR=str(places.folder())).stdout == f"{places.folder()}\n"


def test_a_folder_that_a_stranger_made_is_not_used(home: Path):
    (home / "elsewhere").mkdir()
    (home / f"raykd-{os.getuid()}").symlink_to(home / "elsewhere")
    ended = seen("echo ran")
    assert (ended.returncode, ended.stdout) == (1, "")
    assert ended.stderr.startswith(f"error: {home}/raykd-{os.getuid()} is another user's; ")


def test_a_submitted_script_goes_to_the_clones_copy(commands: list[list[str]], tmp_path: Path):
    """Not to `~/tune.py`, which may be the user's."""
    make().run_rsync_up("launch/tune.py", "~/tune.py")
    make().run("python ~/tune.py --trials 40")
    assert commands[0][-1] == "ada@10.0.0.2:~/.raykd/source/launch/tune.py"
    assert commands[1][-1].endswith("python ~/.raykd/source/launch/tune.py --trials 40)'")


def test_other_files_go_where_they_are_sent(commands: list[list[str]]):
    make().run_rsync_up("mine/tune.py", "~/tune.py")
    make().run("python ~/tune.py")
    assert commands[0][-1] == "ada@10.0.0.2:~/tune.py"
    assert commands[1][-1].endswith("python ~/tune.py)'")


def test_down_stops_this_cluster_alone(commands: list[list[str]]):
    make().run("ray stop")
    assert commands[0][-1].endswith("python ~/.raykd/source/launch/clusters/stop.py)'")


def test_the_dashboard_is_found_on_the_users_port(commands: list[list[str]], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runner, "_wait_until_free", lambda port: None)
    make().run(port_forward=[(8265, 8265), (6006, 6006)])
    assert f"8265:localhost:{places.ports('ada')[1]}" in commands[0]
    assert "6006:localhost:6006" in commands[0]


def test_a_port_of_this_machine_is_not_taken_by_its_own_forward(
    commands: list[list[str]], monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(runner, "_wait_until_free", lambda port: None)
    make("127.0.0.1").run("tensorboard --port 6006", port_forward=[(6006, 6006), (8265, 8265)])
    assert "6006:localhost:6006" not in commands[0]
    assert f"8265:localhost:{places.ports('ada')[1]}" in commands[0]


def test_the_cluster_file_may_choose_the_ports(commands: list[list[str]]):
    make(first_port=24000).run("ray status")
    assert (
        "RAYKD_PORT=24000 RAYKD_DASHBOARD_PORT=24001 RAYKD_CLIENT_PORT=24002 RAYKD_AGENT_PORT=24003" in commands[0][-1]
    )


def test_a_port_of_another_program_is_one_line(commands: list[list[str]], monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(runner, "_LETS_GO_S", 0.0)
    with socket.create_server(("127.0.0.1", 0)) as other:
        port = other.getsockname()[1]
        with pytest.raises(click.ClickException, match=rf"port {port} of this machine: .*; name another, as by"):
            make().run(port_forward=[(port, 8265)])
    assert commands == []
    make().run(port_forward=[(port, 8265)])
    assert f"{port}:localhost:{places.ports('ada')[1]}" in commands[0]


def test_a_tmux_that_runs_already_has_the_commands_environment(home: Path):
    """It has the one of its start, which knows no `python` of the cluster."""
    (home / "bin").mkdir()
    tmux = home / "bin" / "tmux"
    tmux.write_text('#!/bin/bash\nshift 2; exec env -i HOME=$HOME RAY_TMPDIR=$RAY_TMPDIR PATH=/usr/bin:/bin "$@"\n')
    tmux.chmod(0o755)
    command = make()._ours("tmux new -d bash -c 'echo $RAYKD_PORT \"two  words\"; exec true'")
    variables = os.environ | {"PATH": f"{home}/bin:{os.environ['PATH']}"}
    ended = subprocess.run(["bash", "-c", command], env=variables, capture_output=True, text=True, check=True)
    assert ended.stdout == f"{places.ports('ada')[0]} two  words\n"


def test_rays_logs_are_found_where_it_says(commands: list[list[str]]):
    make().run("tail -n 100 -f /tmp/ray/session_latest/logs/monitor*")  # as `ray up` tells at its end
    assert "tail -n 100 -f $RAY_TMPDIR/ray/session_latest/logs/monitor*" in commands[0][-1]


def test_what_fails_is_one_line_without_what_ssh_was_called_with(home: Path, monkeypatch: pytest.MonkeyPatch):
    def fails(*words: object, **options: object) -> None:
        raise subprocess.CalledProcessError(3, ["ssh", "-tt"])

    monkeypatch.setattr(subprocess, "check_call", fails)
    with pytest.raises(click.ClickException) as raised:
        make().run("python mine.py")
    assert str(raised.value) == "`python mine.py` has failed on 10.0.0.2; what it said stands above"
    assert vars(raised.value)["returncode"] == 3


def test_what_a_worker_says_goes_to_its_file(home: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    made = make()
    made.words = tmp_path / "words"
    made._run_helper(["sh", "-c", "echo first; echo second >&2"])
    assert made.words.read_text() == "first\nsecond\n"
    with pytest.raises(click.ClickException, match="ended with 7"):
        made._run_helper(["sh", "-c", "echo third; exit 7"])
    assert made.words.read_text() == "third\n"


def test_connections_are_shared_in_a_folder_of_the_users(commands: list[list[str]]):
    made = make()
    made.run("uptime")
    assert f"ControlPath={places.folder()}/ssh/%C" in commands[0]
