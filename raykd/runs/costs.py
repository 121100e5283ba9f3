"""What each student of a study costs: counted, and measured on one machine, once, before anything trains there.

    {"format": 1, "image": [1, 8, 8], "classes": 10, "device": "Intel(R) Xeon(R) ...", "threads": 2, "load": 0.3,
     "rounds": 30, "students": {"FINGERPRINT": {"words": "thin", "parameters": 1234, "multiply_adds": 56789,
     "latency_ms": {"1": 0.41}, "quartiles_ms": {"1": [0.40, 0.43]}}}}

A search keeps it as `costs.json`, so that one that goes on elsewhere compares by the same numbers. `raykd measure`
writes the same file on the machine that the student is for.
"""

import json
import math
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from raykd.data.dataset import load
from raykd.errors import InvalidError, MissingError
from raykd.evaluation.cost import ROUNDS, Cost, cost
from raykd.models.staged import Shape
from raykd.protocols.model import ModelSpec, bare
from raykd.recipe import build_network
from raykd.space.serialise import fingerprint
from raykd.storage.atomic import write_text
from raykd.studies.goals import Goal, goal
from raykd.studies.sizes import students
from raykd.studies.study import Study

COSTS = "costs.json"
_FORMAT = 1


@dataclass(frozen=True, kw_only=True)
class Costs:
    """The students of a study with what they cost, all measured alike.

    Args:
        image: shape of what they were measured on.
        classes: that they tell apart.
        device: that they were measured on, in words.
        threads: of PyTorch's.
        load: processes that wanted the machine's CPUs when it began, on average over a minute.
        students: by fingerprint.
        words: that tell them from each other, by fingerprint.
    """

    image: Shape
    classes: int
    device: str
    threads: int
    load: float
    students: Mapping[str, Cost]
    words: Mapping[str, str]

    def of(self, student: ModelSpec) -> Cost:
        return self.students[fingerprint(student)]

    def words_of(self, student: ModelSpec) -> str:
        return self.words[fingerprint(student)]

    def lacks(self, study: Study, aim: Goal) -> str | None:
        """What is missing here for a search of this study, in words; None where nothing is."""
        dataset = load(study.recipe.data, torch.device("cpu"))
        if (self.image, self.classes) != (dataset.image_shape, dataset.num_classes):
            here = f"images {dataset.image_shape} of {dataset.num_classes} classes"
            return f"it is of images {self.image} of {self.classes} classes, and the study has {here}"
        for key, (words, _) in students(study).items():
            if key not in self.students:
                return f"it lacks the student {words}"
            if aim.batch and aim.batch not in self.students[key].latency_ms:
                return f"it has no time of a batch of {aim.batch} of the student {words}"
        return None

    def __str__(self) -> str:
        timed = any(each.latency_ms for each in self.students.values())
        where = f", timed on {self.device} by {self.threads} thread(s), load {self.load:.1f}" if timed else ""
        return f"{len(self.students)} students counted{where}"


def measure(
    study: Study, batch_sizes: tuple[int, ...], device: torch.device, say: Callable[[str], None] = lambda line: None
) -> Costs:
    """Counts and times every student of a study on this machine, one after the other.

    Args:
        batch_sizes: that are timed.
        say: told which student it is at.
    """
    load_then, dataset = os.getloadavg()[0], load(study.recipe.data, torch.device("cpu"))
    found: dict[str, Cost] = {}
    every = students(study)
    for number, (key, (words, student)) in enumerate(every.items(), start=1):
        say(f"measuring student {number} of {len(every)}: {words}")
        built = build_network(bare(student), dataset.num_classes, dataset.image_shape)
        found[key] = cost(built.network.to(device), dataset.image_shape, batch_sizes)
    first = next(iter(found.values()))
    return Costs(
        image=dataset.image_shape,
        classes=dataset.num_classes,
        device=first.device,
        threads=first.threads,
        load=load_then,
        students=found,
        words={key: words for key, (words, _) in every.items()},
    )


def save_costs(costs: Costs, file: Path) -> None:
    """Writes them as JSON."""
    told = {
        key: {
            "words": costs.words[key],
            "parameters": each.parameters,
            "multiply_adds": each.multiply_adds,
            "latency_ms": {str(size): took for size, took in each.latency_ms.items()},
            "quartiles_ms": {str(size): list(took) for size, took in each.quartiles_ms.items()},
        }
        for key, each in costs.students.items()
    }
    head = {"format": _FORMAT, "image": list(costs.image), "classes": costs.classes, "device": costs.device}
    head |= {"threads": costs.threads, "load": round(costs.load, 2), "rounds": ROUNDS}
    write_text(file, json.dumps(head | {"students": told}, indent=2) + "\n")


def read_costs(file: Path) -> Costs:
    """Those of a file.

    Raises:
        FileNotFoundError: there is none.
        ValueError: it is no such file.
    """
    if not file.is_file():
        raise MissingError(f"costs: no {file}; raykd measure writes one")
    try:
        told = json.loads(file.read_text())
        if told["format"] != _FORMAT:
            raise InvalidError(f"costs: {file} has format {told['format']}, and this raykd reads {_FORMAT}")
        return Costs(
            image=tuple(told["image"]),
            classes=told["classes"],
            device=told["device"],
            threads=told["threads"],
            load=told["load"],
            students={key: _cost(each, told) for key, each in told["students"].items()},
            words={key: each["words"] for key, each in told["students"].items()},
        )
    except (KeyError, TypeError, AttributeError, UnicodeDecodeError, json.JSONDecodeError) as error:
        raise InvalidError(f"costs: {file} is no file of raykd measure ({type(error).__name__})") from None


def _cost(each: Mapping[str, Any], told: Mapping[str, Any]) -> Cost:
    latency = {int(size): float(took) for size, took in each["latency_ms"].items()}
    if not all(math.isfinite(took) and took > 0 for took in latency.values()):
        raise InvalidError(f"costs: times must be finite and above 0, got {each['latency_ms']}")
    return Cost(
        parameters=each["parameters"],
        multiply_adds=each["multiply_adds"],
        latency_ms=latency,
        device=told["device"],
        threads=told["threads"],
        quartiles_ms={int(size): (float(low), float(high)) for size, (low, high) in each["quartiles_ms"].items()},
    )


def costs_for(study: Study, given: str | os.PathLike[str] | None, say: Callable[[str], None]) -> Costs | None:
    """What a new search compares its students by: a file's, or measured here; None where cost is no goal.

    Args:
        given: a file of `raykd measure`.

    Raises:
        ValueError: the file is of another study, or there is one and no goal.
        FileNotFoundError: it is not there.
    """
    if study.pareto is None:
        if given is not None:
            raise InvalidError("costs say how low a second goal is; give pareto too (--pareto)")
        return None
    aim = goal(study.pareto)
    if given is None:
        device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
        return measure(study, (aim.batch,) if aim.batch else (), device, say)
    found = read_costs(Path(given).expanduser())
    if lack := found.lacks(study, aim):
        raise InvalidError(f"costs: {given} does not do for this search: {lack}; raykd measure --study writes another")
    return found
