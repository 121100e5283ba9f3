"""What the pages take from the code and from the records of benchmarks."""

from pathlib import Path

import pytest
from facts.methods import about, arguments, hyperparameters
from facts.records import cost, evidence, record, records
from pages import DOCS, ROOT

METHODS = "\n".join(page.read_text() for page in (DOCS / "methods").glob("*.md"))
RECORD = """evidence, 2026-12-01
machine: 2 x a processor, 24 GiB, no GPU
    KD + QUEST: 85.10, sd 0.30; +0.60 (+0.10 to +1.10, n = 5)
    classic kdx: 84.00, sd 0.20; -0.50 (-0.90 to -0.10, n = 5)
held: QUEST beside KD against KD: +0.60 (+0.10 to +1.10, n = 5)
open: IAKD against KD: +0.10 (-0.40 to +0.60, n = 5)
"""


def test_a_table_has_each_field_with_its_default_range_and_meaning():
    table = hyperparameters("raykd.methods.quest.Quest")
    assert "| `words` | `4096` | 16 to 8192 (log) | K, the size of the codebook. |" in table
    assert "| `stage` | `-1` | as it stands | of both networks, counted from 0; -1 is the last. |" in table
    assert "| `model` | needed | as it stands |" in hyperparameters("raykd.methods.common.auxiliary.Auxiliary")


def test_arguments_of_several_names_and_of_several_lines():
    text = "A thing.\n\nArgs:\n    one, two: of them\n        both: yes.\n    three: 3.\n\nRaises:\n    ValueError: no."
    assert arguments(text) == {"one": "of them both: yes.", "two": "of them both: yes.", "three": "3."}
    assert arguments("A thing.") == {}


def test_every_method_has_its_place_on_a_page_with_all_that_a_search_draws():
    helpers = {"__init__", "fresh"}
    for file in (ROOT / "raykd" / "methods").glob("*.py"):
        if file.stem not in helpers:
            assert f"{{about}} raykd.methods.{file.stem}\n" in METHODS, file.stem
            assert f"{{hyperparameters}} raykd.methods.{file.stem}." in METHODS, file.stem
    assert about("raykd.methods.kd").startswith("KD: the student matches")


def test_evidence_is_the_newest_record_that_has_any(tmp_path: Path):
    assert evidence("QUEST", tmp_path).startswith("**Not measured**: ")
    (tmp_path / "evidence-2026-12-01.txt").write_text(RECORD.replace("+0.60", "+0.50"))
    (tmp_path / "evidence-2026-12-01-2.txt").write_text(RECORD)
    (tmp_path / "evidence-2026-12-02.txt").write_text("evidence, 2026-12-02\nmachine: another\n")
    (tmp_path / "evidence_arms-2026-12-03.txt").write_text(RECORD)
    assert [file.name[9:21] for file in records("evidence", tmp_path)] == [
        "2026-12-02.t",
        "2026-12-01-2",
        "2026-12-01.t",
    ]
    found = evidence("QUEST", tmp_path)
    assert found.startswith("By `benchmarks/results/evidence-2026-12-01-2.txt` (2 x a processor, 24 GiB, no GPU)")
    assert found.endswith(
        "```text\nheld: QUEST beside KD against KD: +0.60 (+0.10 to +1.10, n = 5)\n"
        "KD + QUEST: 85.10, sd 0.30; +0.60 (+0.10 to +1.10, n = 5)\n```"
    )
    assert evidence("classic kd", tmp_path).startswith("**Not measured**: ")  # which is no beginning of another word


def test_cost_is_that_of_the_method_beside_a_student_alone():
    found = cost("quest rco")
    assert "\nquest  " in found
    assert "\nstudent alone  " in found
    assert "Not measured: rco." in found
    with pytest.raises(ValueError, match="unpack"):
        record("nothing")
