"""What `launch/tune.py` refuses, in one line and before anything starts."""

import json
from pathlib import Path

from raykd.runs.folder_format import FORMAT
from run_commands import run_several, write_study

LOADING = "loading PyTorch, Ray and the study\n"


def write_search(folder: Path, name: str, file: object, study: str = "small") -> None:
    """The record of a search, which is all that is read before it is gone on with."""
    search = folder / "runs" / name
    search.mkdir(parents=True)
    record = {
        "study": study,
        "recipe": "abc",
        "trials": 3,
        "seed": 0,
        "versions": {},
        "format": FORMAT,
        "file": file and str(file),
    }
    (search / "search.json").write_text(json.dumps(record))


def test_a_search_refuses_what_cannot_work_before_ray_starts(tmp_path: Path):
    write_study(tmp_path)
    long = "from optuna.distributions import IntDistribution\nLONG = IntDistribution(5, 9)\nSCHEDULE = "
    write_study(
        tmp_path,
        ("study = Study(recipe=recipe,", 'study = Study(recipe=recipe, ranges={"epochs": LONG},'),
        ("SCHEDULE = ", long),
        name="narrow",
    )
    write_study(
        tmp_path,
        ("study = Study(recipe=recipe,", 'study = Study(recipe=recipe, ranges={"terms/quest/words": LONG},'),
        ("SCHEDULE = ", long.replace("(5, 9)", "(16, 10**7)")),
        name="wordy",
    )
    write_study(
        tmp_path,
        ("study = Study(recipe=recipe,", 'study = Study(recipe=recipe, ranges={"terms/kd/temprature": None},'),
        name="mistyped",
    )
    write_study(tmp_path, ("epochs=2,", "epochs=2"), name="torn")
    (tmp_path / "file").write_text("")
    small = ("--study", "small.py")
    mistakes = {
        ("--study", "smal.py"): "no study 'smal.py'; did you mean small.py",
        ("--study", "narrow.py"): "epochs: the range 5 to 9 does not hold its default 2",
        ("--study", "wordy.py"): "terms/quest: ",
        ("--study", "mistyped.py"): "ranges: no option 'terms/kd/temprature'; did you mean terms/kd/temperature",
        ("--study", "torn.py"): "torn.py, line ",
        (*small, "--trials", "0"): "trials must be at least 1, got 0",
        (*small, "--trials", "ten"): "--trials: invalid int value: 'ten'",
        (*small, "--workers", "3"): "batch_size: 256 is not a multiple of the 3 processes",
        (*small, "--workers", "3-4"): "batch_size: 256 is not a multiple of the 3 processes",
        (*small, "--workers", "3-1"): "workers: the least must be within 1 and the most, got 3 to 1",
        (*small, "--workers", "-1"): "workers must be at least 1, got -1",
        (*small, "--workers", "some"): "--workers: must be a number, or two such as 1-4, got 'some'",
        (*small, "--slots-per-gpu", "many"): "--slots-per-gpu: must be a number or auto, got 'many'",
        (*small, "--slots-per-gpu", "2", "--workers", "2"): "slots_per_gpu: slots share a GPU only with workers=1",
        (*small, "--name", "a/b"): "a name has letters, digits, '-', '_' and '.', and begins with a letter or digit",
        (*small, "--name", "artifacts"): "'artifacts' is a folder of the storage itself; choose another name",
        (*small, "--storage", "file"): f"cannot write to the storage {tmp_path / 'file'}: ",
        (*small, "--resume"): f"no search of the study 'small' in {tmp_path / 'runs'} to resume",
        (*small, "--resume", "--name", "x"): f"no search 'x' in {tmp_path / 'runs'} to resume",
        (*small, "--more-trials", "0"): "more_trials must be at least 1, got 0",
        (*small, "--more-trials", "many"): "--more-trials: invalid int value: 'many'",
        (*small, "--more-trials", "2"): f"no search of the study 'small' in {tmp_path / 'runs'} to resume",
        (*small, "--resume", "a", "--name", "b"): "--resume a and --name b are two searches; leave out --name",
        (*small, "--dry-run", "--resume"): "--dry-run plans a new search; leave out --resume and --more-trials",
        (*small, "--dry-run", "--more-trials", "3"): "--dry-run plans a new search; leave out --resume and --more-",
        (*small, "--dry-run", "--trials", "0"): "trials must be at least 1, got 0",
        (*small, "--dry-run", "--name", "a/b"): "a name has letters, digits, '-', '_' and '.', and begins with a ",
        (*small, "--dry-run", "--price-per-hour", "-1"): "--price-per-hour must be at least 0, got -1",
        (*small, "--price-per-hour", "2"): "--price-per-hour: what a search will cost is said by --dry-run; give both",
        (*small, "--trails", "3"): "unknown option --trails; did you mean --trials?",
    }
    every = run_several("tune", list(mistakes), folder=tmp_path)
    for (words, message), ended in zip(mistakes.items(), every, strict=True):
        assert ended.code == 1, (words, ended)
        assert ended.out in ("", LOADING), (words, ended)  # the first where the options alone say it
        assert ended.error.startswith(f"error: {message}"), (words, ended.error)
        assert "\n" not in ended.error, words
    assert not (tmp_path / "runs").exists()


def test_a_search_is_gone_on_with_by_its_name_alone(tmp_path: Path):
    write_study(tmp_path)
    write_study(tmp_path, ("epochs=4, every=2", "epochs=6, every=2"), name="other")
    write_search(tmp_path, "mine", tmp_path / "other.py", study="other")
    write_search(tmp_path, "moved", tmp_path / "gone" / "small.py")
    write_search(tmp_path, "elsewhere", "/there/search_spaces/digits.py", study="another")
    write_search(tmp_path, "notebook", None)
    runs = tmp_path / "runs"
    mistakes = {
        ("--resume", "mein"): f"no search 'mein' in {runs} to resume; did you mean mine",
        ("--resume", "unlike"): f"no search 'unlike' in {runs} to resume; choices: ",
        # The study was found and read; its base recipe has changed since.
        ("--resume", "mine"): f"{runs / 'mine'} searches the study 'other' with another base recipe than 'other' has",
        ("--resume", "--name", "mine"): f"{runs / 'mine'} searches the study 'other' with another base recipe than 'ot",
        ("--more-trials", "3", "--name", "mine"): f"{runs / 'mine'} searches the study 'other' with another base recip",
        # Its file's name is found among those of this project.
        ("--resume", "elsewhere"): f"{runs / 'elsewhere'} searches the study 'another' with another base recipe than '",
        ("--resume", "moved"): f"the search 'moved' was started from {tmp_path / 'gone' / 'small.py'}, which is not he",
        ("--resume", "notebook"): "the search 'notebook' was started in Python, not from a file; go on with it there b",
        ("--resume", "mine", "--study", "small.py"): f"{runs / 'mine'} searches the study 'other' with another base re",
        ("--resume", "--study", "small.py", "--storage", "no"): f"no search of the study 'small' in {tmp_path / 'no'} ",
    }
    for (words, message), ended in zip(
        mistakes.items(), run_several("tune", list(mistakes), folder=tmp_path), strict=True
    ):
        assert ended.code == 1, (words, ended)
        assert ended.out in ("", LOADING), (words, ended)  # the first where the options alone say it
        assert ended.error.startswith(f"error: {message}"), (words, ended.error)
        assert "\n" not in ended.error, words
    assert sorted(path.name for path in runs.rglob("*.*")) == ["search.json"] * 4
