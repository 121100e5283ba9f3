"""The commands beside the search, with a storage on a real object store: what one machine makes, another one uses."""

import re
from pathlib import Path

import pytest

from object_store import BUCKET, CREDENTIALS, reached
from run_commands import Finished, end, start, write_study

pytestmark = [pytest.mark.slow, pytest.mark.timeout(1800)]


def test_a_teacher_a_run_and_its_evaluation_on_three_machines(tmp_path: Path):
    write_study(tmp_path)

    def on(machine: str, command: str, *words: object) -> Finished:
        environment = CREDENTIALS | {"XDG_CACHE_HOME": str(tmp_path / machine)}
        ended = end(start(command, *words, "--storage", storage, folder=tmp_path, environment=environment))
        assert (ended.code, ended.error) == (0, ""), ended
        return ended

    with reached() as address:
        storage = f"s3://{BUCKET}/runs{address}"
        assert "trained; it lies in" in on("one", "teacher", "--study", "small.py").out
        assert "it was there already" in on("two", "teacher", "--study", "small.py").out
        trained = on("two", "distill", "--study", "small.py", "--name", "run").out
        assert f"everything goes to s3://{BUCKET}/runs/run{address}" in trained
        again = on("three", "distill", "--study", "small.py", "--name", "run", "--resume").out
        results = re.compile(r"^(?:validation|test) accuracy .*$", re.MULTILINE)
        assert results.findall(again) == results.findall(trained) and len(results.findall(again)) == 2
        first = on("three", "evaluate", "run", "--measure", "accuracy").out
        assert "the student of " in first and "top-1 accuracy" in first
        other = on("one", "evaluate", "run", "--measure", "centroid").out
        assert "nearest centroid" in other
        (kept,) = tmp_path.glob("one/raykd/*/run/evaluation.json")
        assert {"top_1", "nearest_centroid"} <= set(re.findall(r'"(\w+?)(?:/\w+)?":', kept.read_text()))
        planned = on("four", "tune", "--study", "small.py", "--dry-run", "--address", "local").out
        assert re.search(r"^time: about", planned, re.MULTILINE), planned
