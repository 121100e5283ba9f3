"""Slots that share a GPU: how many fit, and that Ray places them; on machines without GPUs it only counts them."""

import json
import os
import re
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch
from small_studies import tiny_study

import tiny
from raykd.cluster.machines.nodes import Node, one_of_each_gpu
from raykd.cluster.machines.sharing import Footprint, Wanted, count_fitting_slots, footprint, to_measure
from raykd.cluster.machines.worker_count import Workers
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.storage.artifacts import Store

GIB = 2**30


@pytest.mark.parametrize(
    ("taken", "memory", "fitting"),
    [(3 * GIB, 80 * GIB, 24), (8 * GIB, 80 * GIB, 9), (9 * GIB, 80 * GIB, 8), (79 * GIB, 80 * GIB, 1)],
)
def test_nine_tenths_of_a_gpu_are_shared_out(taken: int, memory: int, fitting: int):
    assert Footprint(taken=taken, memory=memory, gpu="one").slots_per_gpu == fitting


def test_a_footprint_in_words():
    told = str(Footprint(taken=3 * GIB // 2, memory=16 * GIB, gpu="Tesla T4"))
    assert told == "a worker took 1.50 GiB of 16.00 GiB on Tesla T4, so 9 may share one"


def test_the_largest_first_setting_is_measured_beside_the_base_recipe():
    study = tiny_study()
    base, largest = to_measure(study)
    assert base == study.recipe
    assert [term.name for term in largest.terms] == ["cross_entropy", "kd", "quest"]
    assert to_measure(replace(study, first=({},))) == [study.recipe]
    larger = replace(study, recipe=tiny.recipe(terms=(CrossEntropy(), KD(), Quest(words=8)), batch_size=24))
    assert to_measure(larger) == [larger.recipe]


def test_what_is_wanted():
    assert Wanted().most_sharing == 1
    assert Wanted(slots_per_gpu=4).most_sharing == 4
    assert Wanted(slots_per_gpu="auto").measures and Wanted(slots_per_gpu="auto").most_sharing > 1000
    with pytest.raises(ValueError, match="slots_per_gpu must be a number or 'auto', got 'many'"):
        Wanted(slots_per_gpu="many")
    with pytest.raises(ValueError, match="slots_per_gpu must be within 1 and 10000, got 0"):
        Wanted(slots_per_gpu=0)
    with pytest.raises(ValueError, match="slots share a GPU only with workers=1, got workers=2"):
        Wanted(slots_per_gpu="auto", workers=Workers(2))
    with pytest.raises(ValueError, match="slots must be within 1 and 5000, got 0"):
        Wanted(slots=0)


def test_each_kind_of_gpu_is_measured_on_the_first_machine_that_can_train_on_it():
    kinds = {"a": "T4", "b": "", "c": "A100", "d": "T4", "e": ""}
    nodes = [Node(cpus=8.0, gpus=1.0, identity=name, gpu_kind=kind) for name, kind in kinds.items()]
    nodes = [Node(cpus=8.0, identity="without"), Node(gpus=1.0, identity="no CPU", gpu_kind="L4"), *nodes]
    assert [node.identity for node in one_of_each_gpu(nodes)] == ["a", "b", "c"]


def test_the_kind_of_gpu_with_the_least_room_decides():
    measured = [Footprint(taken=4 * GIB, memory=memory * GIB, gpu="one") for memory in (80, 24, 40)]
    assert count_fitting_slots(measured) == 5


@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a GPU")
def test_a_gpu_is_measured(tmp_path: Path):
    """What a recipe takes is more with a network of a thousand times as many weights, and less than the GPU has."""
    small = footprint([tiny.recipe()], Store(tmp_path))
    large = footprint([tiny.recipe(student=replace(tiny.STUDENT, widths=(512, 2048)))], Store(tmp_path))
    assert 0 < small.taken < large.taken < large.memory
    assert small.memory == torch.cuda.get_device_properties(0).total_memory
    assert small.slots_per_gpu >= large.slots_per_gpu >= 1


PLACED = """
import json
import raykd.cluster, ray
from collections import Counter
from ray.util.placement_group import placement_group
from ray.util.scheduling_strategies import PlacementGroupSchedulingStrategy
import raykd
from raykd.cluster.machines.worker_count import Workers
from raykd.cluster.machines.nodes import living_nodes
from raykd.cluster.machines.plan import make_plan
from small_studies import tiny_study

kind = {"accelerator_type:T4": 1}
ray.init(address="local", num_cpus=8, num_gpus=2, resources=kind, object_store_memory=10**8, include_dashboard=False)
assert living_nodes()[0].gpu_kind == "T4", living_nodes()

def placed(together):
    "The slots and workers of a plan as Tune and Train place them, and the GPUs that the workers get."
    plan = make_plan(living_nodes(), Workers(), 2 * together, 100, together)
    slots = [placement_group([{"CPU": plan.slot_resources["cpu"]}]) for _ in range(plan.slots)]
    ray.get([slot.ready() for slot in slots], timeout=60)
    workers = [placement_group([plan.resources.per_worker]) for _ in range(plan.slots)]
    ray.get([worker.ready() for worker in workers], timeout=60)
    further = placement_group([plan.resources.per_worker])
    fits = further.wait(2)
    asked = {"num_cpus": plan.resources.cpus_per_worker, "num_gpus": plan.resources.gpus_per_worker}
    ids = []
    for worker in workers:
        strategy = PlacementGroupSchedulingStrategy(worker)
        ids += ray.get(ray.remote(**asked, scheduling_strategy=strategy)(ray.get_gpu_ids).remote())
    for group in (*slots, *workers, further):
        ray.util.remove_placement_group(group)
    return plan.slots, sorted(Counter(map(int, ids)).items()), fits

print(json.dumps([placed(together) for together in (2, 3)]))
try:
    raykd.tune(tiny_study(), storage=STORAGE, name="search", slots_per_gpu="auto")
except ValueError as error:
    print("refused:", error)
"""


@pytest.mark.slow
@pytest.mark.timeout(400)
@pytest.mark.skipif(torch.cuda.is_available(), reason="counts GPUs that are not there")
def test_ray_places_the_slots_that_share_gpus(tmp_path: Path):
    """On each of two GPUs as many as there should be and no more; PyTorch, which sees neither, is told of."""
    folder = Path(__file__).parents[1]
    environment = os.environ | {"PYTHONPATH": f"{folder.parent}:{folder}", "OMP_NUM_THREADS": "1"}
    script = PLACED.replace("STORAGE", repr(str(tmp_path / "runs")))
    ended = subprocess.run([sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=380)
    assert ended.returncode == 0, ended.stderr
    (placed,) = (json.loads(line) for line in ended.stdout.splitlines() if line.startswith("[["))
    assert placed == [[2 * each, [[0, each], [1, each]], False] for each in (2, 3)]
    refused = r"^refused: PyTorch sees no GPU on [\d.]+, where Ray counts one: it needs one with CUDA"
    assert re.search(refused, ended.stdout, re.MULTILINE)
    assert not (tmp_path / "runs" / "search").exists()
