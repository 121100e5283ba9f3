"""A study: settings drawn and put back, ranges narrowed and dropped, components chosen, files read."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import optuna
import pytest
from optuna.distributions import CategoricalDistribution, FloatDistribution, IntDistribution

from raykd.methods.ab import AB
from raykd.methods.common.first_stage import FirstStage
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.fresh import Fresh
from raykd.methods.iakd import IAKD, NoSwap
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval, FinalTeacher, Greedy
from raykd.optim import SGD, Cosine
from raykd.space.ranges import holds, space, value_at
from raykd.studies.study import Study
from raykd.studies.study_file import load_study, study_module
from tiny import recipe

LABELS = CrossEntropy(weight=0.1)
BASE = recipe(terms=(LABELS, KD()))
CHOICES = {
    "terms/kd": {"on": KD(), "off": None},
    "terms/quest": {"off": None, "on": Quest(words=32)},
    "swap": {"off": NoSwap(), "iakd": IAKD()},
}
STUDY = Study(recipe=BASE, choices=CHOICES, ranges={"terms/quest/words": IntDistribution(16, 64)})
OPTIMISER = {"optimiser/lr", "optimiser/nesterov", "optimiser/weight_decay"}


def drawn(study: Study, count: int = 40) -> list[optuna.trial.FrozenTrial]:
    search = optuna.create_study(sampler=optuna.samplers.RandomSampler(seed=0))
    trials = [search.ask() for _ in range(count)]
    for trial in trials:
        study.suggest(trial)
    return search.get_trials(deepcopy=False)


@pytest.fixture(autouse=True)
def quiet():
    before = optuna.logging.get_verbosity()
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    yield
    optuna.logging.set_verbosity(before)


# drawing


def test_only_the_ranges_of_chosen_components_are_drawn():
    seen = set()
    for trial in drawn(STUDY):
        values = trial.params
        kd, quest, swap = (values[path] for path in CHOICES)
        seen.add((kd, quest, swap))
        expected = OPTIMISER | set(CHOICES) | {"terms/cross_entropy/weight"}
        expected |= {"terms/kd/weight", "terms/kd/temperature"} if kd == "on" else set()
        expected |= {f"terms/quest/{name}" for name in space(Quest())} if quest == "on" else set()
        expected |= {"swap/schedule", "swap/start", "swap/solo"} if swap == "iakd" else set()
        assert values.keys() == expected
    assert len(seen) == 8  # every combination came up


def test_every_setting_drawn_is_a_recipe_that_says_it():
    for trial in drawn(STUDY):
        spec = STUDY.recipe_of(trial.params)
        assert STUDY.complete(trial.params) == trial.params
        names = {term.name for term in spec.terms}
        assert ("kd" in names, "quest" in names) == (
            trial.params["terms/kd"] == "on",
            trial.params["terms/quest"] == "on",
        )
        assert isinstance(spec.swap, IAKD) == (trial.params["swap"] == "iakd")
        assert spec.optimiser.lr == trial.params["optimiser/lr"]
        if "quest" in names:
            (quest,) = (term for term in spec.terms if term.name == "quest")
            assert isinstance(quest, Quest) and quest.words == trial.params["terms/quest/words"] <= 64


def test_the_distributions_are_those_of_the_ranges():
    ranges = STUDY.every_range()
    for trial in drawn(STUDY):
        assert all(ranges[path] == found for path, found in trial.distributions.items())


# a setting and its recipe


def test_nothing_said_is_the_base_recipe():
    assert STUDY.recipe_of({}) == BASE
    assert STUDY.recipe_of(STUDY.complete({})) == BASE


def test_complete_fills_in_the_chosen_components_defaults():
    values = STUDY.complete({"terms/quest": "on", "terms/kd": "off", "optimiser/lr": 0.1})
    assert values["terms/quest/words"] == 32
    assert values["optimiser/lr"] == 0.1
    assert values["swap"] == "off"
    assert "terms/kd/weight" not in values and "swap/start" not in values
    expected = replace(BASE, terms=(LABELS, Quest(words=32)), optimiser=SGD(lr=0.1))
    assert STUDY.recipe_of(values) == expected


def test_components_and_values_are_placed_at_once():
    """Rules between terms see only the result: no step on the way need be a recipe that works."""
    base = recipe(terms=(CrossEntropy(weight=0.0), KD(), Quest(words=32)))
    choices = {"terms/kd": {"on": KD(), "off": None}, "terms/quest": {"on": Quest(words=32), "off": None}}
    study = Study(recipe=base, choices=choices, ranges={"terms/cross_entropy/weight": FloatDistribution(0.0, 1.0)})
    values = {"terms/kd": "off", "terms/quest": "off", "terms/cross_entropy/weight": 1.0}
    assert study.recipe_of(values).terms == (CrossEntropy(weight=1.0),)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"terms/kd/temprature": 2.0}, KeyError, "terms/kd/temprature.*did you mean terms/kd/temperature"),
        ({"terms/quest/words": 16}, KeyError, "no option 'terms/quest/words'"),  # not chosen
        ({"terms/kd": "of"}, ValueError, "terms/kd: unknown choice 'of'; choices: on, off"),
        ({"terms/kd/temperature": -1.0}, ValueError, "temperature must be above 0, got -1.0"),
    ],
)
def test_recipe_of_refuses(values: dict[str, Any], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        STUDY.recipe_of(values)


@pytest.mark.parametrize(
    ("values", "error", "message"),
    [
        ({"optimiser/Lr": 0.1}, KeyError, "no range 'optimiser/Lr' to set in this setting; did you mean optimiser/lr"),
        ({"epochs": 9}, KeyError, "no range 'epochs' to set"),
        ({"terms/quest/words": 16}, KeyError, "no range 'terms/quest/words' to set"),
        ({"terms/quest": "on", "terms/quest/words": 65}, ValueError, "terms/quest/words: 65 .* the range 16 to 64"),
        ({"terms/quest": "on", "terms/quest/words": 16.0}, ValueError, "terms/quest/words: 16.0 is not within"),
        ({"swap": "on"}, ValueError, "swap: unknown choice 'on'; choices: off, iakd"),
    ],
)
def test_complete_refuses(values: dict[str, Any], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        STUDY.complete(values)


def test_first_settings_are_checked_when_the_study_is_made():
    with pytest.raises(KeyError, match="no range 'optimiser/rate'"):
        replace(STUDY, first=({}, {"optimiser/rate": 0.1}))
    with pytest.raises(ValueError, match=r"optimiser/lr: 7.0 is not within the range 0.005 to 0.5 \(log\)"):
        replace(STUDY, first=({"optimiser/lr": 7.0},))


# ranges


def test_ranges_are_narrowed_widened_dropped_and_added():
    ranges = {
        "optimiser/lr": FloatDistribution(0.01, 1.0, log=True),
        "optimiser/nesterov": None,
        "epochs": IntDistribution(2, 8),  # has none beside its default
    }
    found = Study(recipe=BASE, ranges=ranges).every_range()
    assert found["optimiser/lr"] == ranges["optimiser/lr"]
    assert found["epochs"] == ranges["epochs"]
    assert "optimiser/nesterov" not in found
    assert found["terms/kd/temperature"] == space(KD())["temperature"]


def test_every_range_holds_all_columns():
    found = STUDY.every_range()
    assert found["terms/quest"] == CategoricalDistribution(["off", "on"])
    for prefix, component in (("terms/kd", KD()), ("terms/quest", Quest()), ("swap", IAKD())):
        assert {f"{prefix}/{name}" for name in space(component)} <= found.keys()
    assert not any(path.startswith("teacher") for path in found)


@pytest.mark.parametrize("order", [1, -1])
def test_of_two_components_ranges_at_one_path_the_table_has_what_holds_both(order: int):
    """The anchors of an equal interval are 1 to 6, those of a greedy search 2 to 6."""
    routes = {"final": FinalTeacher(), "equal": EqualInterval(count=2), "greedy": Greedy(count=2)}
    study = Study(recipe=BASE, choices={"route": dict([*routes.items()][::order])})
    assert study.every_range()["route/count"] == IntDistribution(1, 6)
    assert study.every_range()["route/restart"] == CategoricalDistribution((False, True))


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"ranges": {"optimiser/Ir": None}}, KeyError, "ranges: no option 'optimiser/Ir'; did you mean optimiser/lr"),
        (
            {"ranges": {"optimiser/lr": FloatDistribution(0.1, 1.0)}},
            ValueError,
            "optimiser/lr: the range 0.1 to 1.0 does not hold its default 0.05",
        ),
        (
            {"choices": CHOICES, "ranges": {"terms/quest/words": IntDistribution(64, 128)}},
            ValueError,
            "terms/quest/words: the range 64 to 128 does not hold its default 32",
        ),
        ({"choices": {"swop": {"off": NoSwap()}}}, KeyError, "choices: no component 'swop'; did you mean swap"),
        (
            {"choices": {"swap": {"on": IAKD()}}},
            ValueError,
            r"choices: swap needs the base recipe's own component among its options, NoSwap\(",
        ),
        ({"choices": {"terms/kd": {"off": None}}}, ValueError, "choices: terms/kd needs the base recipe's own"),
        ({"choices": {"terms/kd": {"own": KD(), "other": Quest()}}}, ValueError, "only a component named 'kd' fits"),
        ({"choices": {"swap": {"off": NoSwap(), "iakd": IAKD}}}, ValueError, "got the class IAKD"),
        ({"trials": 0}, ValueError, "trials must be at least 1, got 0"),
        ({"grace": 0}, ValueError, "grace must be at least 1, got 0"),
        ({"reduction": 1}, ValueError, "reduction must be at least 2, got 1"),
    ],
)
def test_a_study_refuses(changes: dict[str, Any], error: type[Exception], message: str):
    with pytest.raises(error, match=message):
        Study(recipe=BASE, **changes)


# checking


def test_check_accepts_what_works():
    STUDY.check()
    replace(STUDY, first=({"terms/quest": "on"},)).check(num_processes=2)


def test_check_tries_both_ends_of_every_range():
    high = replace(STUDY, ranges={"terms/quest/words": IntDistribution(16, 8192)})
    with pytest.raises(
        ValueError, match=r"got 8192 words and 384 vectors \(the range of terms/quest/words reaches 8192\)"
    ):
        high.check()
    low = Study(recipe=replace(BASE, batch_size=8), ranges={"batch_size": IntDistribution(3, 8)})
    low.check()
    with pytest.raises(ValueError, match=r"batch_size: 3 is not .* \(the range of batch_size reaches 3\)"):
        low.check(num_processes=2)


def test_check_tries_every_component():
    options = {"final": FinalTeacher(), "five": EqualInterval(count=5)}
    with pytest.raises(ValueError, match="route/count: 5 anchors need"):
        Study(recipe=replace(BASE, epochs=8), choices={"route": options}).check()


def test_check_tries_the_first_settings():
    ranges = {"batch_size": CategoricalDistribution((8, 6)), "optimiser/lr": None}
    study = Study(recipe=BASE, ranges=ranges, first=({"batch_size": 6},))
    study.check(num_processes=2)
    with pytest.raises(ValueError, match="batch_size: 6 is not a multiple of the 4 processes"):
        study.check(num_processes=4)


def test_every_component_is_tried_once():
    kinds = [({term.name for term in spec.terms}, type(spec.swap)) for spec in STUDY.every_component()]
    base = {"cross_entropy", "kd"}
    assert kinds == [(base, NoSwap), ({"cross_entropy"}, NoSwap), (base | {"quest"}, NoSwap), (base, IAKD)]


def test_a_components_default_may_be_any_of_its_options():
    """The base recipe need not hold the first option."""
    own = IAKD(schedule="growth")
    study = Study(recipe=replace(BASE, swap=own), choices={"swap": {"none": NoSwap(), "own": own}})
    assert study.complete({})["swap"] == "own"
    assert holds(study.every_range()["swap"], "none")


def test_a_start_can_be_chosen():
    own = AB(first_stage=FirstStage(batch_size=8))
    study = Study(recipe=BASE, choices={"start": {"fresh": Fresh(), "ab": own}}, first=({"start": "ab"},))
    study.check()
    assert study.complete({})["start"] == "fresh" and study.recipe_of({}).start == Fresh()
    assert study.recipe_of({"start": "ab"}).start == own
    assert {trial.params["start"] for trial in drawn(study)} == {"fresh", "ab"}
    assert [spec.start for spec in study.every_component()] == [Fresh(), own]  # what is prepared ahead of the trials
    assert not any(path.startswith("start/") for path in study.every_range())  # all trials share one first stage


def test_a_starts_settings_are_searched_where_a_study_says_so():
    choices = {"start": {"fresh": Fresh(), "ab": AB(first_stage=FirstStage(batch_size=8))}}
    margin = FloatDistribution(0.5, 2.0)
    study = Study(recipe=BASE, choices=choices, ranges={"start/margin": margin, "start/first_stage/epochs": None})
    assert value_at(study.recipe_of({"start": "ab", "start/margin": 0.5}), "start/margin") == 0.5
    assert "start/margin" not in study.complete({})
    with pytest.raises(ValueError, match="start: batch_size: 64 is more than the 24 training images"):
        Study(recipe=BASE, choices={"start": {"fresh": Fresh(), "ab": AB()}}).check()


def test_a_schedule_can_be_chosen():
    base = replace(BASE, optimiser=SGD(schedule=Cosine()))
    study = Study(recipe=base, choices={"optimiser/schedule": {"cosine": Cosine(), "warm": Cosine(warm_up=0.2)}})
    assert study.recipe_of({"optimiser/schedule": "warm"}).optimiser.schedule == Cosine(warm_up=0.2)


# files


FILE = """
from dataclasses import dataclass

from tiny import recipe

from raykd import Study
from raykd.methods.kd import KD
from raykd.models.cnn import CNN


@dataclass(frozen=True, kw_only=True)
class Mine:
    width: int = 4

    def build(self, num_classes, image):
        return CNN(widths=(self.width, 6)).build(num_classes, image)


study = Study(recipe=recipe(student=Mine()){options})
"""


def written(folder: Path, name: str, options: str = "") -> Path:
    file = folder / f"{name}.py"
    file.write_text(FILE.replace("{options}", options))
    return file


def test_a_study_is_named_after_its_file(tmp_path: Path):
    assert load_study(written(tmp_path, "one")).name == "one"
    assert load_study(written(tmp_path, "two", ", name='own name'")).name == "own name"


@pytest.mark.parametrize("options", ["", ", name='own name'"])
def test_a_study_of_a_file_is_pickled_and_its_module_found(options: str, tmp_path: Path):
    study = load_study(str(written(tmp_path, "pickled", options)))
    found = pickle.loads(pickle.dumps(study))
    assert found == study
    assert type(found.recipe.student) is type(study.recipe.student)
    module = study_module(study)
    assert module is not None and type(study.recipe.student) is module.Mine
    assert study_module(replace(study, trials=3)) is module
    study.check()


def test_a_study_made_in_python_has_no_file():
    assert study_module(STUDY) is None


def test_a_file_read_again_is_read_anew(tmp_path: Path):
    file = written(tmp_path, "edited")
    assert load_study(file).trials == 16
    written(tmp_path, "edited", ", trials=5")
    assert load_study(file).trials == 5


def test_a_missing_file_names_the_studies_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for name in ("fashion", "digits", "_helper"):
        written(tmp_path, name)
    with pytest.raises(FileNotFoundError, match=f"no study '{tmp_path}/digit.py'; did you mean {tmp_path}/digits.py"):
        load_study(tmp_path / "digit.py")
    with pytest.raises(FileNotFoundError, match=f"did you mean {tmp_path}/fashion.py"):
        load_study(tmp_path / "fashions.py")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"no study 'digit\.py'; did you mean digits\.py$"):
        load_study("digit.py")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x = 1\nstudy = Study(\n", "broken.py, line 2: '\\(' was never closed"),
        (
            "from optuna.distributions import *\nFloatDistribution(2.0, 1.0)\n",
            "broken.py, line 2: `low <= high` must hold",
        ),
        ("\nstudy = Study()\n", "broken.py, line 2: NameError: name 'Study' is not defined"),
        ("import raykd.nothing\n", "broken.py, line 1: ModuleNotFoundError: No module named 'raykd.nothing'"),
        ("x = 1\n\ndef\n", "broken.py, line 3: invalid syntax"),
        ("x = 1\n", "sets no variable `study` to a raykd.Study"),
        ("study = 3\n", "sets no variable `study` to a raykd.Study"),
    ],
)
def test_a_file_that_holds_no_study(text: str, message: str, tmp_path: Path):
    file = tmp_path / "broken.py"
    file.write_text(text)
    with pytest.raises(ValueError, match=message) as raised:
        load_study(file)
    assert "broken.py" in str(raised.value) and len(str(raised.value).splitlines()) == 1


def test_an_error_within_a_function_of_the_users_keeps_its_traceback(tmp_path: Path):
    (tmp_path / "deep.py").write_text("def wrong():\n    return {}['width']\nstudy = wrong()\n")
    with pytest.raises(KeyError, match="width"):
        load_study(tmp_path / "deep.py")
