"""The line of progress in a real notebook: rewritten in place, below the lines that stay."""

from typing import Any

import nbclient
import nbformat
import pytest

CELL = """
from raykd.protocols.event import Doing, Said
from raykd.reporting.progress import Progress

with Progress(3) as progress:
    progress(Doing(text="preparing"))
    progress(Said(text="a line that stays"))
    progress(Doing(text="training"))
    progress._line._live.refresh()  # as its thread does four times a second
"""


@pytest.fixture(scope="module")
def notebook() -> Any:
    cell = nbformat.v4.new_code_cell(CELL)
    made = nbformat.v4.new_notebook(cells=[cell])
    return nbclient.NotebookClient(made, kernel_name="python3", timeout=60).execute()


def test_what_stays_is_an_output_of_the_cell(notebook: Any):
    texts = [output["data"].get("text/plain", "") for output in notebook.cells[0].outputs if "data" in output]
    assert "a line that stays\n" in texts
    assert "preparing\n" not in texts and "training\n" not in texts


def test_what_is_going_on_is_one_widget_with_the_newest_line_alone(notebook: Any):
    state = notebook.metadata["widgets"]["application/vnd.jupyter.widget-state+json"]["state"]
    (line,) = (model["state"] for model in state.values() if model["model_name"] == "OutputModel")
    assert [output["data"]["text/plain"] for output in line["outputs"]] == ["training\n"]
