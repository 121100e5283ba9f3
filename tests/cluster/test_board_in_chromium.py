"""`raykd board` in a real browser: each thing that a search has for TensorBoard is found in its picture.

It needs Chromium (Debian's package `chromium`, or another one in the PATH); without one the tests are skipped.
"""

import re
import shutil
import signal
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Page, expect, sync_playwright
from small_studies import tiny_study

import raykd
from raykd.runs.result import Result

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

pytestmark = [
    pytest.mark.usefixtures("ray_cluster"),
    pytest.mark.slow,
    pytest.mark.timeout(400),
    pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium"),
    pytest.mark.filterwarnings("ignore::optuna.exceptions.ExperimentalWarning"),
    pytest.mark.filterwarnings("ignore::ray.util.annotations.RayDeprecationWarning"),
]


@pytest.fixture(scope="module")
def search(ray_cluster: Any, tmp_path_factory: pytest.TempPathFactory) -> Result:
    return raykd.tune(tiny_study(), storage=tmp_path_factory.mktemp("storage"), name="search", slots=2)


@pytest.fixture(scope="module")
def address(search: Result) -> Iterator[str]:
    """Of the board of that search."""
    command = [sys.executable, "-m", "raykd", "board", str(search.folder), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as board:
        assert board.stdout is not None
        told = re.search(r"http://127\.0\.0\.1:\d+", board.stdout.readline())
        assert told is not None
        yield told[0]
        board.send_signal(signal.SIGINT)
        assert board.wait(30) == 130


@pytest.fixture(scope="module")
def page() -> Iterator[Page]:
    with sync_playwright() as started:
        browser = started.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])  # root has no sandbox
        shown = browser.new_page(viewport={"width": 1600, "height": 1200})
        shown.set_default_timeout(60_000)
        expect.set_options(timeout=60_000)
        yield shown
        browser.close()


def opened(page: Page, address: str, tab: str) -> Page:
    page.goto("about:blank")  # as another fragment of the same page would not load it again
    page.goto(f"{address}/#{tab}")
    return page


def names_of_runs(search: Result) -> set[str]:
    return {path.name for path in (search.folder / "tensorboard").iterdir() if path.is_dir()}


def test_every_trial_is_a_run_with_a_name_that_says_what_it_is(page: Page, address: str, search: Result):
    names = names_of_runs(search)
    assert len(names) == len(search.frame) + 2  # the search itself, and the teacher
    opened(page, address, "timeseries")
    for name in names:
        expect(page.get_by_text(name, exact=True).first).to_be_visible()
    assert "." not in names


def test_each_trial_stands_beside_the_teacher_and_both_baselines_in_one_chart(page: Page, address: str):
    opened(page, address, "custom_scalars")
    card = page.locator("tf-custom-scalar-multi-line-chart-card").first
    expect(card).to_contain_text("validation")
    for name in ("teacher", "plain KD", "student alone"):
        expect(card).to_contain_text(f"val/accuracy ({name})")


@pytest.mark.parametrize("tag", ["codebook words", "swap masks", "confusion matrix", "nearest neighbours"])
def test_the_pictures_are_there(page: Page, address: str, tag: str):
    opened(page, address, "images")
    page.get_by_role("button", name=tag, exact=True).wait_for()
    pane = page.locator("tf-category-paginated-view", has=page.get_by_role("button", name=tag, exact=True))
    if not pane.locator("tf-image-loader").count():  # only the first panes are open
        page.get_by_role("button", name=tag, exact=True).click()
    picture = pane.locator("tf-image-loader img").first
    expect(picture).to_be_visible()
    assert picture.evaluate("image => image.decode().then(() => image.naturalWidth)") > 100


def test_the_texts_say_recipe_result_and_command(page: Page, address: str, search: Result):
    opened(page, address, "text")
    for tag in ("recipe", "result", "command"):
        expect(page.get_by_text(tag, exact=True).first).to_be_visible()
    best = search.folder / "trials" / search.frame["name"][0] / "recipe.json"
    expect(page.get_by_text(f"raykd distill --recipe {best}").first).to_be_attached()


def test_every_trial_is_a_line_in_the_parallel_coordinates_and_a_row_of_the_table(
    page: Page, address: str, search: Result
):
    opened(page, address, "hparams")
    page.get_by_text("Parallel Coordinates View").click()
    expect(page.locator("tf-hparams-parallel-coords-plot g.foreground path")).to_have_count(len(search.frame))
    page.get_by_text("Table View").click()
    table = page.locator("tf-hparams-table-view")
    for name in ("plain KD", "student alone"):
        expect(table).to_contain_text(name)
