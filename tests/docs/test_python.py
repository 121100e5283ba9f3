"""Every block of Python on a page runs, one after another, in a folder with a finished search.

A search itself would take minutes: `raykd.tune` and `raykd.confirm` check their arguments against the real signatures,
tell their listeners of an epoch, and give that search's result. A comment right above a block says why it is not run.
"""

import inspect
import json
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch
from pages import PAGES, ROOT, snippets
from PIL import Image

import raykd
from finished_search import BASE, finished_search
from raykd.protocols.event import METRIC, EpochEnded
from raykd.runs.student_file import save_student
from raykd.space.serialise import to_text

RUN = [page for page in PAGES if any(not snippet.mark for snippet in snippets("python", [page]))]
NOT_RUN = {
    "not run: it needs an account": {"docs/trackers.md"},
    "run by tests/docs/test_trackers.py": {"docs/trackers.md"},
    "run by tests/test_add_one.py": {"docs/own.md"},
}


@pytest.fixture
def first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A search in runs/first, with a student, and a picture."""
    monkeypatch.chdir(tmp_path)
    folder = finished_search(tmp_path / "runs" / "first")
    summary = json.loads((folder / "summary.json").read_text()) | {"metrics": {METRIC: 0.8}}
    (folder / "best_recipe.json").write_text(to_text(BASE))
    torch.manual_seed(0)
    staged = BASE.student.build(10, (1, 8, 8))
    save_student(folder / "student.safetensors", staged.network.state_dict(), BASE, {"accuracy": {"test": 0.8}})
    (folder / "summary.json").write_text(json.dumps(summary))
    Image.new("L", (8, 8), 100).save("photo.png")
    for name in ("tune", "confirm"):
        monkeypatch.setattr(raykd, name, stand_in(getattr(raykd, name)), raising=False)
    return folder


def stand_in(real: Callable[..., Any]) -> Callable[..., Any]:
    def called(*arguments: Any, **options: Any) -> raykd.Result:
        inspect.signature(real).bind(*arguments, **options)
        for listener in options.get("listeners", ()):
            listener(EpochEnded(trial="trial-0001", number=1, epochs=2, metrics={METRIC: 0.5}))
        return raykd.load_result("runs/first")

    return called


@pytest.mark.parametrize("page", RUN, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_python_of_a_page_runs(page: Path, first: Path):
    names: dict[str, Any] = {"__name__": "__main__"}
    for snippet in snippets("python", [page]):
        if not snippet.mark:
            exec(compile("\n" * snippet.line + snippet.text, snippet.page.name, "exec"), names)
    shutil.rmtree("photos", ignore_errors=True)


def test_what_is_not_run_says_why():
    marks: dict[str, set[str]] = {}
    for snippet in snippets("python"):
        if snippet.mark:
            marks.setdefault(snippet.mark, set()).add(str(snippet.page.relative_to(ROOT)))
    assert marks == NOT_RUN
    for mark in NOT_RUN:
        assert mark.startswith("not run: ") or (ROOT / mark.removeprefix("run by ")).is_file()
