"""What Ray logs goes to a file, and a file that cannot be written is told in one line."""

import logging
from pathlib import Path

import pytest
from ray.tune.progress_reporter import TrialProgressCallback
from ray.tune.utils.callback import _create_default_callbacks

from raykd.cluster.tuner.quiet import NoTrialProgress, quiet

FULL = Path("/dev/full")  # every write finds it full


def test_what_is_logged_goes_to_the_file(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with quiet(tmp_path / "ray.log"):
        logging.getLogger("ray.tune").warning("a warning of %s", "Tune's")
    assert (tmp_path / "ray.log").read_text().endswith(" WARNING ray.tune: a warning of Tune's\n")
    assert capsys.readouterr() == ("", "")


def test_tune_adds_no_reporter_that_remembers_every_trial():
    ours = NoTrialProgress()
    assert [each for each in _create_default_callbacks([ours]) if isinstance(each, TrialProgressCallback)] == [ours]


@pytest.mark.skipif(not FULL.exists(), reason="needs Linux's /dev/full")
def test_a_full_disk_is_one_warning_however_much_is_logged(caplog: pytest.LogCaptureFixture):
    with quiet(FULL):
        for number in range(3):
            logging.getLogger("ray").warning("warning %s", number)
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert caplog.messages == ["/dev/full: No space left on device; what Ray logs meanwhile is lost"]


def test_a_fault_in_a_message_is_still_shown(tmp_path: Path, capsys: pytest.CaptureFixture[str]):
    with quiet(tmp_path / "ray.log"):
        logging.getLogger("ray").warning("%d", "no number")
    assert "TypeError" in capsys.readouterr().err
