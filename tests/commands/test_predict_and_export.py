"""`raykd predict` and `raykd export` on a student's file, as typed."""

import csv
import json
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import raykd
from raykd.__main__ import main
from raykd.data.digits import Digits
from raykd.models.cnn import CNN
from raykd.recipe import Recipe
from raykd.runs.student_file import STUDENT, facts, save_student

RECIPE = Recipe(data=Digits(), student=CNN(widths=(3, 4)), epochs=1)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A student that was never trained, in the folder `s`; and pictures in `pics`, one of them torn."""
    monkeypatch.chdir(tmp_path)
    torch.manual_seed(0)
    network = RECIPE.student.build(10, (1, 8, 8)).network
    (tmp_path / "s").mkdir()
    summary = {"metrics": {"val/accuracy": 0.9}, "test_accuracy": 0.8, "verdict": "winner: KD: 90 %"}
    save_student(tmp_path / "s" / STUDENT, network.state_dict(), RECIPE, facts(summary))
    (tmp_path / "pics" / "deep").mkdir(parents=True)
    generator = np.random.default_rng(0)
    for name in ("a.png", "b.png", "deep/c.PNG", ".hidden.png"):
        Image.fromarray(generator.integers(0, 256, (9, 8), np.uint8)).save(tmp_path / "pics" / name)
    (tmp_path / "pics" / "notes.txt").write_text("no picture")
    return tmp_path


def typed(monkeypatch: pytest.MonkeyPatch, *words: str) -> int:
    monkeypatch.setattr(sys, "argv", ["raykd", *words])
    return main()


def test_each_picture_has_a_line(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]):
    assert typed(monkeypatch, "predict", "s", "pics", "--top", "2") == 0
    rows = list(csv.DictReader(capsys.readouterr().out.splitlines()))
    assert [row["file"] for row in rows] == ["pics/a.png", "pics/b.png", "pics/deep/c.PNG"]
    probabilities = raykd.load_student("s").predict(["pics/a.png"])[0]
    best = probabilities.sort(descending=True)
    assert (rows[0]["class_1"], rows[0]["class_2"]) == tuple(str(index) for index in best.indices[:2].tolist())
    assert float(rows[0]["probability_2"]) == pytest.approx(best.values[1].item(), abs=1e-6)


def test_lines_of_json_go_to_a_file_that_is_never_written_over(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    assert typed(monkeypatch, "predict", "s/student.safetensors", "pics/*.png", "--json", "--to", "out.jsonl") == 0
    rows = [json.loads(line) for line in Path("out.jsonl").read_text().splitlines()]
    assert [row["file"] for row in rows] == ["pics/a.png", "pics/b.png"]
    assert 0.1 <= rows[0]["classes"][0]["probability"] <= 1.0
    assert typed(monkeypatch, "predict", "s", "pics", "--to", "out.jsonl") == 1
    assert "out.jsonl exists already" in capsys.readouterr().err
    assert len(Path("out.jsonl").read_text().splitlines()) == 2


def test_a_torn_picture_is_told_and_the_others_are_answered(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    Path("pics/b.png").write_bytes(b"torn")
    assert typed(monkeypatch, "predict", "s", "pics", "--batch-size", "1") == 1
    said = capsys.readouterr()
    assert [line.partition(",")[0] for line in said.out.splitlines()] == ["file", "pics/a.png", "pics/deep/c.PNG"]
    assert "error: pics/b.png cannot be decoded" in said.err
    assert "1 of 3 pictures could not be read" in said.err


@pytest.mark.parametrize(
    ("words", "line"),
    [
        (["nowhere", "pics"], "no student nowhere; name a student.safetensors, or a folder that has one"),
        (["s", "gone"], "gone: no such file or folder"),
        (["s", "gone/*.png"], "gone/*.png: no such file or folder"),
        (["s", "empty"], "empty: no picture in it"),
        (["s", "pics", "--top", "0"], "--top must be at least 1, got 0"),
        (["s", "pics", "--batch-size", "-3"], "--batch-size must be at least 1, got -3"),
    ],
)
def test_what_is_wrong_is_said_in_a_line(words: list[str], line: str, folder: Path, monkeypatch, capsys):
    (folder / "empty").mkdir()
    assert typed(monkeypatch, "predict", *words) == 1
    assert capsys.readouterr().err == f"error: {line}\n"


@pytest.mark.filterwarnings("ignore")  # of torch's exporter
@pytest.mark.timeout(300)
def test_the_exported_files_say_what_the_student_says(folder: Path, monkeypatch: pytest.MonkeyPatch, capsys):
    onnxruntime = pytest.importorskip("onnxruntime")
    assert typed(monkeypatch, "export", "s", "--bytes", "--to", "out") == 0
    said = capsys.readouterr().out
    assert "on 64 validation images" in said
    student = raykd.load_student("s")
    for count in (1, 3):
        images = torch.randint(256, (count, 1, 8, 8), dtype=torch.uint8)
        expected = student.predict(images)
        session = onnxruntime.InferenceSession("out/student.onnx", providers=["CPUExecutionProvider"])
        (answered,) = session.run(None, {"images": images.float().numpy()})
        assert torch.allclose(torch.from_numpy(answered), expected, atol=1e-5)
        loaded = torch.export.load("out/student.pt2").module()
        assert torch.allclose(loaded(images.float()), expected, atol=1e-5)
    card = Path("out/MODEL_CARD.md").read_text()
    assert "test accuracy: 80.0 %" in card and "winner: KD: 90 %" in card and "cnn(widths=[3, 4]" in card
    assert typed(monkeypatch, "export", "s", "--to", "out") == 1
    assert "out/student.onnx exists already; --force writes over it" in capsys.readouterr().err
