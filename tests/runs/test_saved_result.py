"""A search's folder gives its result back in a later session."""

import json
from pathlib import Path

import pandas
import pytest

import raykd
from raykd.runs.folder_format import FORMAT
from raykd.runs.result import SUMMARY, TABLE
from raykd.runs.saved_result import _parted
from raykd.runs.status import running
from raykd.storage.layout import SEARCH

FRAME = pandas.DataFrame(
    {
        "name": ["trial-0000", "plain-KD"],
        "setting": ["quest <K> 256", "plain KD"],
        "baseline": [False, True],
        "outcome": ["complete", "complete"],
        "val/accuracy": [0.9375, 0.90625],
        "epochs": [4, 4],
        "seconds": [1.5, 2.5],
        "swap": ["none", "none"],
        "terms/quest/words": [256.0, None],
        "test/accuracy": [0.875, None],
    }
)
VERDICT = "best of single runs: quest <K> 256"


def search(folder: Path, *, ended: int = 2) -> Path:
    """The folder of a search of two trials, of which so many have ended."""
    folder.mkdir(parents=True)
    record = {"study": "small", "recipe": "abc", "trials": 1, "seed": 0, "versions": {}, "format": FORMAT}
    (folder / SEARCH).write_text(json.dumps(record))
    ends = {name: {"kind": "complete", "accuracy": 0.5, "epochs": 4} for name in FRAME["name"][:ended]}
    status = {"host": "here", "pid": 1, "total": 2, "doing": "", "running": [], "ended": ends}
    (folder / "status.json").write_text(json.dumps(status))
    FRAME.to_csv(folder / TABLE, index=False)
    summary = {"best": "trial-0000", "verdict": VERDICT, "metrics": {}, "test_accuracy": 0.875, "confirmed": None}
    (folder / SUMMARY).write_text(json.dumps(summary))
    return folder


@pytest.mark.parametrize("kind", [str, Path])
def test_the_table_comes_back_as_it_was(kind: type, tmp_path: Path):
    result = raykd.load_result(kind(search(tmp_path / "one")))
    pandas.testing.assert_frame_equal(result.frame, FRAME)
    assert (result.folder, result.interrupted) == (tmp_path / "one", False)
    assert (result.summary["verdict"], result.confirmed) == (VERDICT, None)


def test_a_search_that_runs_or_was_stopped_is_not_whole(tmp_path: Path):
    folder = search(tmp_path / "running")
    with running(folder):
        assert raykd.load_result(folder).interrupted
    assert raykd.load_result(search(tmp_path / "stopped", ended=1)).interrupted


def test_what_is_missing_is_said_in_one_line(tmp_path: Path):
    folder = search(tmp_path / "one")
    with pytest.raises(FileNotFoundError, match=r"^no search 'oen' in .*; did you mean one$"):
        raykd.load_result(tmp_path / "oen")
    (folder / SUMMARY).unlink()
    with pytest.raises(FileNotFoundError, match=r"has no result yet; raykd status .*one says how far it is$"):
        raykd.load_result(folder)
    (folder / SEARCH).write_text(json.dumps({"study": "small", "versions": {"raykd": "0.0.1"}}))
    with pytest.raises(ValueError, match=r"was written by raykd 0\.0\.1 in format 1"):
        raykd.load_result(folder)


@pytest.mark.parametrize(
    ("typed", "storage", "name"),
    [
        ("runs/one", "runs", "one"),
        ("one", "", "one"),
        ("s3://bucket/one", "s3://bucket", "one"),
        ("s3://bucket/runs/one?scheme=http", "s3://bucket/runs?scheme=http", "one"),
    ],
)
def test_a_search_is_named_by_its_storage_and_its_folder(typed: str, storage: str, name: str):
    assert _parted(typed) == (storage, name)


def test_a_notebook_shows_verdict_picture_and_table(tmp_path: Path):
    html = raykd.load_result(search(tmp_path / "one"))._repr_html_()
    assert "best of single runs: quest &lt;K&gt; 256" in html
    assert html.count("<svg") == html.count("<table") == 1
    assert html.index("93.8") < html.index("90.6")  # the best first
    assert "<K>" not in html
    assert "<script" not in html
