"""`raykd report` writes the page of a search, or says in one line why not."""

import contextlib
import io
import json
import shutil
import sys
from pathlib import Path

import pytest

from finished_search import finished_search
from object_store import BUCKET, reached
from raykd.__main__ import main
from raykd.runs.saved_result import load_result
from raykd.runs.status import running
from raykd.storage.synced import SyncedStorage


def raykd(words: list[object], monkeypatch: pytest.MonkeyPatch) -> tuple[int, str, str]:
    monkeypatch.setattr(sys, "argv", ["raykd", *map(str, words)])
    with contextlib.redirect_stdout(io.StringIO()) as out, contextlib.redirect_stderr(io.StringIO()) as error:
        code = main()
    return code, out.getvalue().strip(), error.getvalue().strip()


def test_the_page_lies_beside_the_search(tmp_path: Path, monkeypatch):
    folder = finished_search(tmp_path / "runs/one")
    monkeypatch.chdir(tmp_path)
    told = "runs/one/report.html is written, and report.md beside it"
    assert raykd(["report"], monkeypatch) == (0, told, "")
    assert (folder / "report.html").read_text().startswith("<!doctype html>")
    assert "one`, study made up, finished." in (folder / "report.md").read_text()


def test_it_says_what_state_the_search_is_in(tmp_path: Path, monkeypatch):
    folder = finished_search(tmp_path / "one")
    monkeypatch.setattr("raykd.page.writing.page", lambda *given: "")
    with running(folder):
        assert raykd(["report", folder], monkeypatch)[0] == 0
    assert ", study made up, running." in (folder / "report.md").read_text()
    status = json.loads((folder / "status.json").read_text())
    (folder / "status.json").write_text(json.dumps(status | {"total": 40}))
    assert raykd(["report", folder], monkeypatch)[0] == 0
    text = (folder / "report.md").read_text()
    assert ", study made up, stopped." in text
    assert f"`raykd tune --resume one --storage {tmp_path}`" in text


def test_what_cannot_be_drawn_is_refused_in_one_line(tmp_path: Path, monkeypatch):
    folder = finished_search(tmp_path / "one")
    code, _, error = raykd(["report", tmp_path / "oen"], monkeypatch)
    assert (code, error) == (1, f"error: no folder {tmp_path}/oen; did you mean {folder}")
    shutil.copytree(folder, tmp_path / "two")
    code, _, error = raykd(["report", tmp_path], monkeypatch)
    assert code == 1
    assert error.startswith("error: say which search: ")
    assert error.count(" report ") == 2
    record = json.loads((folder / "search.json").read_text())
    (folder / "search.json").write_text(json.dumps(record | {"format": 1}))
    code, _, error = raykd(["report", folder], monkeypatch)
    assert code == 1
    assert error.startswith(f"error: {folder} was written by raykd 0.1.0 in format 1")


def test_a_search_in_an_object_store_gets_its_page_there(tmp_path: Path, monkeypatch):
    folder = finished_search(tmp_path / "one")
    with reached() as address:
        uri = f"s3://{BUCKET}/runs/one{address}"
        there = SyncedStorage(root=tmp_path / "sent", uri=uri)
        for file in sorted(path for path in folder.rglob("*") if path.is_file()):
            there.write(there.root / file.relative_to(folder), file.read_bytes())
        code, told, error = raykd(["report", uri], monkeypatch)
        assert (code, error) == (0, "")
        assert told == f"s3://{BUCKET}/runs/one/report.html is written, and report.md beside it"
        page = there.read(there.root / "report.html")
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
        result = load_result(uri)
    assert page is not None and page.startswith(b"<!doctype html>")
    assert b"raykd evaluate one --storage" not in page  # this one has no student
    assert b"raykd distill --recipe trials/trial-0015-abc/recipe.json" in page
    assert result.summary["best"] == "trial-0015-abc" and not result.interrupted
