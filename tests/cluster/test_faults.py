"""A search survives what can die under it, each fault once; benchmarks/faults.py repeats them at other moments."""

import os
from pathlib import Path

import pytest
from clock import what_is_lacking
from faults import FAULTS, survive
from processes import become_subreaper

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]


@pytest.mark.parametrize("fault", FAULTS)
def test_a_search_survives(fault: str, tmp_path: Path):
    if "disk" in fault and os.geteuid() != 0:
        pytest.skip("only root may mount a small file system")
    if "clock" in fault and what_is_lacking():
        pytest.skip(what_is_lacking())
    become_subreaper()
    outcome = survive(fault, 0, tmp_path)
    assert outcome.problems == ()
