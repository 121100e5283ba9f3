"""`raykd status` and `raykd stop` on searches in every state, read from their files alone."""

import contextlib
import io
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

import pytest

from raykd.__main__ import main
from raykd.protocols.event import Doing, Event, SearchResumed, TrialBegan
from raykd.protocols.outcome import TrialOutcome
from raykd.runs.folder_format import FORMAT
from raykd.runs.ledger import Ledger
from raykd.runs.status import StatusFile, is_asked_to_stop, running


def write_search(storage: Path, name: str, *events: Event, total: int = 4, file: str | None = "small.py") -> Path:
    """A search in which this has happened, and whose process is gone."""
    folder = storage / name
    folder.mkdir(parents=True)
    record = {"study": "small", "recipe": "abc", "trials": total - 2, "seed": 0, "versions": {}, "file": file}
    record["format"] = FORMAT
    (folder / "search.json").write_text(json.dumps(record))
    if events:
        status_file, ledger = StatusFile(folder, total), Ledger(folder)
        for event in events:
            status_file(event)
            for name, outcome in event.ended.items() if isinstance(event, SearchResumed) else ():
                ledger.add(end=name, **vars(outcome), again=False)
        status_file.flush(at_once=True)
    return folder


def write_trial(folder: Path, name: str, *accuracies: float, torn: str = "", age_s: float = 0.0) -> None:
    trial = folder / "trials" / name
    trial.mkdir(parents=True)
    (trial / "recipe.json").write_text(json.dumps({"epochs": 9}))
    lines = [json.dumps({"number": number, "val/accuracy": value}) for number, value in enumerate(accuracies, start=1)]
    (trial / "epochs.jsonl").write_text("".join(line + "\n" for line in lines) + torn)
    os.utime(trial / "epochs.jsonl", (0.0, time.time() - age_s))


def end(state: str, accuracy: float | None, epochs: int = 9) -> TrialOutcome:
    return TrialOutcome(kind=state, accuracy=accuracy, epochs=epochs)


def raykd(words: Sequence[object], monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[str], str]:
    monkeypatch.setattr(sys, "argv", ["raykd", *map(str, words)])
    monkeypatch.setenv("COLUMNS", "120")
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as error:
        code = main()
    return code, out.getvalue().splitlines(), error.getvalue().strip()


def began(trial: str) -> TrialBegan:
    return TrialBegan(trial=trial, setting="", values={})


ENDED = SearchResumed(
    ended={"trial-0": end("complete", 0.25), "plain-KD": end("complete", 0.5), "trial-1": end("failed", None, 0)}
)


def test_a_running_search_shows_its_trials_and_the_newest_epoch_of_each(tmp_path: Path, monkeypatch):
    folder = write_search(tmp_path, "one", ENDED, began("trial-2"), began("trial-3"), total=7)
    write_trial(folder, "trial-0", 0.25, age_s=500)
    write_trial(folder, "trial-2", 0.1, 0.2, 0.3, torn='{"number": 4, "val', age_s=83)
    with running(folder):
        code, lines, error = raykd(["status", tmp_path], monkeypatch)
    host = os.uname().nodename
    assert (code, error) == (0, "")
    assert lines[0].startswith(
        "one (study small): running, 3 of 7 trials done, 1 failed, best so far 0.5000 (plain-KD), last epoch 1:2"
    )
    assert lines[1:] == [
        f"  process {os.getpid()} on {host}",
        "  trial-2: epoch 3 of 9, validation accuracy 0.3000",
        "  trial-3: no epoch yet",
    ]


def test_the_teacher_that_is_trained(tmp_path: Path, monkeypatch):
    folder = write_search(tmp_path, "one", Doing(text="teacher: epoch 3 of 240, validation accuracy 0.9000"))
    with running(folder):
        _, lines, _ = raykd(["status", tmp_path], monkeypatch)
    assert lines[0] == "one (study small): running, 0 of 4 trials done, best so far none yet, last epoch none yet"
    assert lines[1].endswith(": teacher: epoch 3 of 240, validation accuracy 0.9000")


def test_a_search_whose_process_is_gone_says_how_to_go_on(tmp_path: Path, monkeypatch):
    write_search(tmp_path, "killed", began("trial-2"))
    write_search(tmp_path, "notebook", file=None)
    _, lines, _ = raykd(["status", tmp_path], monkeypatch)
    assert lines == [
        "killed (study small): stopped, 0 of 4 trials done, best so far none yet, last epoch none yet",
        f"  go on with: raykd tune --resume killed --storage {tmp_path}",
        "notebook (study small): stopped, no trial done, best so far none yet, last epoch none yet",
        f"  go on with: raykd.tune(study, storage={str(tmp_path)!r}, name='notebook', resume=True)",
    ]


def test_a_finished_search_shows_its_winner_and_all_its_trials(tmp_path: Path, monkeypatch):
    folder = write_search(tmp_path, "one", ENDED, total=3)
    (folder / "summary.json").write_text(json.dumps({"best": "trial-0", "verdict": "winner: quest"}))
    for name in (*ENDED.ended, "trial-9"):
        write_trial(folder, name, 0.75)
    _, lines, _ = raykd(["status", folder], monkeypatch)
    assert lines[0].startswith(
        "one (study small): finished, 3 of 3 trials done, 1 failed, best so far 0.5000 (plain-KD)"
    )
    assert lines[1] == "  winner: quest"
    cells = [[cell.strip() for cell in line.strip("│").split("│")] for line in lines if line.startswith("│")]
    assert cells == [
        ["trial-9", "unfinished", "0.7500", "1"],
        ["plain-KD", "complete", "0.5000", "9"],
        ["trial-0", "complete", "0.2500", "9"],
        ["trial-1", "failed", "", "0"],
    ]


def test_a_search_of_an_older_raykd_is_told_from_those_that_can_go_on(tmp_path: Path, monkeypatch):
    folder = write_search(tmp_path, "one")
    record = json.loads((folder / "search.json").read_text())
    del record["format"]
    (folder / "search.json").write_text(json.dumps(record | {"versions": {"raykd": "0.1.0"}}))
    write_trial(folder, "trial-0", 0.75)
    problem = f"was written by raykd 0.1.0 in format 1, and this raykd goes on with format {FORMAT} alone: "
    for shown in (tmp_path, folder):
        code, lines, error = raykd(["status", shown], monkeypatch)
        assert (code, error) == (0, "")
        (line,) = lines
        assert line.startswith(f"one (study small) {problem}")
    code, lines, error = raykd(["stop", folder], monkeypatch)
    assert (code, lines) == (1, [])
    assert f"{folder} {problem}" in error


def test_a_running_search_is_asked_to_stop(tmp_path: Path, monkeypatch):
    folder = write_search(tmp_path, "one")
    with running(folder):
        code, lines, error = raykd(["stop", folder], monkeypatch)
        assert (code, error, is_asked_to_stop(folder)) == (0, "", True)
    assert lines == [
        f"{folder} ends after its running epochs; everything is kept; "
        f"go on with: raykd tune --resume one --storage {tmp_path}"
    ]


def test_mistakes_are_one_line(tmp_path: Path, monkeypatch):
    first = write_search(tmp_path / "runs", "first")
    second = write_search(tmp_path / "runs", "second")
    (tmp_path / "empty").mkdir()
    mistakes: dict[tuple[object, ...], str] = {
        (): "needs a command, such as tune; see raykd --help",
        ("stat",): "COMMAND: invalid choice: 'stat' (choose from ",
        ("status", "--storage"): "unknown option --storage; see --help",
        ("tune", "--trails", "3"): "unknown option --trails; did you mean --trials?",
        ("tune", "--trials", "many"): "--trials: invalid int value: 'many'",
        ("status", tmp_path / "empty"): f"no search in {tmp_path / 'empty'}; raykd tune --storage ",
        ("status", tmp_path / "nothing"): f"no folder {tmp_path / 'nothing'}",
        ("status", tmp_path / "run"): f"no folder {tmp_path / 'run'}; did you mean {tmp_path / 'runs'}",
        ("status", first.with_name("frist")): f"no folder {first.with_name('frist')}; did you mean {first}",
        ("stop", first): f"{first} is not running; go on with: raykd tune --resume first --storage ",
        ("stop", tmp_path / "runs"): f"say which search: raykd stop {first}, raykd stop {second}",
        ("stop", first.with_name("frist")): f"no folder {first.with_name('frist')}; did you mean {first}",
        ("stop", tmp_path / "empty"): f"no search in {tmp_path / 'empty'}; ",
    }
    for words, message in mistakes.items():
        code, lines, error = raykd(words, monkeypatch)
        assert (code, lines) == (1, []), words
        assert error.startswith(f"error: {message}"), (words, error)
        assert "\n" not in error, words
    assert not list((tmp_path / "runs").glob("*/stop"))


def test_neither_torch_nor_ray_is_loaded(tmp_path: Path):
    write_search(tmp_path, "one", ENDED)
    code = (
        "import sys\nfrom raykd.__main__ import main\n"
        "assert main() == 0\n"
        "heavy = {'torch', 'ray', 'optuna', 'numpy', 'pandas'} & sys.modules.keys()\nassert not heavy, heavy\n"
    )
    call = [sys.executable, "-c", code, "status", str(tmp_path / "one")]
    shown = subprocess.run(call, capture_output=True, text=True, check=True).stdout
    assert shown.startswith("one (study small): stopped, 3 of 4 trials done")


def test_help_names_every_command(capsys: pytest.CaptureFixture[str], monkeypatch):
    for words in ([], ["tune"], ["status"], ["stop"]):
        monkeypatch.setattr(sys, "argv", ["raykd", *words, "--help"])
        with pytest.raises(SystemExit, match="0"):
            main()
    shown = capsys.readouterr().out
    assert re.findall(r"^    (\w+) +[A-Z]", shown, re.MULTILINE)[:13] == [
        *("tune", "confirm", "distill", "teacher", "evaluate", "predict", "export", "report"),
        *("board", "profile", "measure", "status", "stop"),
    ]
    assert "raykd tune --resume NAME --more-trials 20" in shown
    assert "raykd status STORAGE/NAME" in shown
    assert "raykd stop STORAGE/NAME" in shown
