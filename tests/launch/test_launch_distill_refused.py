"""What `launch/distill.py` refuses in one line, and the faults that it does not hide."""

from pathlib import Path

import pytest

from run_commands import run, run_several, write_study


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the small study in it, and a run of it."""
    folder = tmp_path_factory.mktemp("place")
    write_study(folder)
    made = run("distill", "--study", "small.py", "--name", "first", "--set", "terms/quest=on", folder=folder)
    assert (made.code, made.error) == (0, "")
    return folder


def test_what_cannot_work_is_refused_in_one_line(place: Path):
    there = place / "runs/first"
    write_study(place, ("study = Study(", "study = dict("), name="no_study")
    (place / "broken.json").write_text('{"type": ')
    (place / "foreign.json").write_text('{"type": "os.system"}')
    (place / "list.json").write_text("[1]")
    (place / "file").write_text("")
    mistakes = {
        ("--name", "first"): f"{there} exists already; go on with it by --resume, or choose another",
        (
            "--name",
            "first",
            "--resume",
        ): f"{place / 'runs/first'} has another recipe: terms/quest is there and not here",
        (
            "--name",
            "first",
            "--resume",
            "--set",
            "terms/quest=on",
            "--seed",
            "5",
        ): f"{place / 'runs/first'} has another recipe: seed is 0 there and 5 here",
        ("--name", "frist", "--resume"): f"no run 'frist' in {place / 'runs'} to resume; did you mean first",
        ("--resume",): f"no run 'small' of this recipe in {place / 'runs'} to resume; say which by --name",
        ("--name", "../first"): "a name has letters, digits, '-', '_' and '.', and begins with a letter or digit",
        ("--name", "artifacts"): "'artifacts' is a folder of the storage itself; choose another name",
        ("--storage", "file/runs"): f"cannot write to the storage {place / 'file/runs'}: Not a directory",
        ("--study", "smal.py"): "no study 'smal.py'; did you mean small.py",
        ("--study", "no_study.py"): "no_study.py sets no variable `study` to a raykd.Study",
        ("--recipe", "none.json"): "none.json: No such file or directory",
        ("--recipe", "broken.json"): "broken.json: Expecting value",
        ("--recipe", "foreign.json"): "foreign.json: unknown class 'os.system'",
        ("--recipe", "list.json"): "list.json holds no recipe",
        ("--device", "cuda:77"): "no device 'cuda:77' here; choices: cpu",
        ("--device", "gpu"): "unknown device 'gpu'; choices: cpu",
        ("--set", "epoch=3"): "--set: no option 'epoch'; did you mean epochs",
        ("--set", "terms/kd/temprature=3"): "--set: no option 'terms/kd/temprature'; did you mean terms/kd/temperature",
        ("--set", "terms/qest=on"): "--set: no option 'terms/qest'; did you mean terms/quest",
        ("--set", "terms/quest=yes"): "terms/quest: unknown choice 'yes'; choices: off, on",
        ("--set", "terms/quest/words=8"): "--set: terms/quest/words goes with another terms/quest than is chosen",
        ("--set", "epochs=many"): "epochs: needs a value of type int, got 'many'",
        ("--set", "epochs=0"): "epochs: epochs must be at least 1, got 0",
        ("--set", "epochs"): "--set: needs PATH=VALUE such as terms/kd/temperature=2, got 'epochs'",
        ("--set", "epochs=1", "--set", "epochs=2"): "--set: epochs is set twice",
        ("--set", "terms/quest=on", "--set", "terms/quest/words=9999999"): "terms/quest: ",
        ("--seed", "one"): "--seed: invalid int value: 'one'",
        ("--nam", "x"): "unknown option --nam; did you mean --name?",
    }
    calls = [words if {"--study", "--recipe"} & set(words) else ("--study", "small.py", *words) for words in mistakes]
    before = sorted((place / "runs").iterdir())
    for (words, message), ended in zip(mistakes.items(), run_several("distill", calls, folder=place), strict=True):
        assert ended.code == 1, words
        assert ended.out == "", words
        assert ended.error.startswith(f"error: {message}"), (words, ended.error)
        assert "\n" not in ended.error, words
    assert sorted((place / "runs").iterdir()) == before


def test_a_fault_of_a_study_shows_where_it_is(place: Path):
    write_study(place, ("epochs=2", "epochs=int('two')"), name="faulty")
    function = "SCHEDULE = Constant()\n\ndef number():\n    return int('two')\n"
    write_study(place, ("SCHEDULE = Constant()\n", function), ("epochs=2", "epochs=number()"), name="deep")
    faulty, deep = (run("distill", "--study", f"{name}.py", folder=place) for name in ("faulty", "deep"))
    assert (faulty.code, deep.code) == (1, 1)
    assert faulty.error.startswith("error: faulty.py, line ")
    assert faulty.error.endswith(": invalid literal for int() with base 10: 'two'")
    assert deep.error.startswith("Traceback")
    assert "in number" in deep.error


def test_a_run_that_diverges_says_so_in_one_line(place: Path):
    ended = run("distill", "--study", "small.py", "--name", "wild", "--set", "optimiser/lr=1e30", folder=place)
    assert ended.code == 1
    assert ended.error.startswith("error: diverged in epoch 1: loss or class scores are no finite numbers")
    assert "\n" not in ended.error
    assert not (place / "runs/wild/student.safetensors").exists()
