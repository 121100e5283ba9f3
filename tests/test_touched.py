"""The tests that `./check --fast` runs."""

from pathlib import Path

import pytest

from touched import ALWAYS, QUICK_HALF, ROOT, quick_half, touched


@pytest.mark.parametrize(
    ("changed", "tests"),
    [
        (["raykd/methods/kd.py"], ["tests/methods/test_kd.py"]),
        (["raykd/training/loop.py"], ["tests/training/test_loop.py", "tests/training/test_loop_ranks.py"]),
        (["raykd/data/formats/unpickle.py", "README.md"], ["tests/data"]),
        (["raykd/methods/__init__.py"], ["tests/methods"]),
        (["raykd/cluster/tuner/sampler.py"], ["tests/cluster/tuner/test_sampler.py"]),
        (["tests/space/test_ranges.py", "raykd/optim.py"], ["tests/space/test_ranges.py", "tests/test_optim.py"]),
        (["tests/tiny.py", "raykd/methods/kd.py"], None),  # most tests read it
        (["README.md"], None),
        ([f"raykd/methods/{name}.py" for name in ("ab", "cc", "crd", "dkd", "fsp", "ft", "kd", "nst", "pkt")], None),
    ],
)
def test_what_a_change_touches(changed: list[str], tests: list[str] | None):
    assert touched(changed) == (quick_half() if tests is None else sorted([*tests, *ALWAYS]))


def test_a_test_that_was_deleted_is_not_run(tmp_path: Path):
    assert touched(["tests/space/test_gone.py"], tmp_path) == quick_half()


def test_the_quick_half_is_there():
    assert all((ROOT / "tests" / wing).is_dir() for wing in QUICK_HALF)
