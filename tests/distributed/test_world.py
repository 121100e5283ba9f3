"""A process knows its place; over two processes sums, gradients and buffers are shared."""

import subprocess
import sys
from pathlib import Path

import pytest
import torch
from torch import nn

from raykd.distributed.world import World

CPU = torch.device("cpu")

TWO_RANKS = """
import os, sys, torch, torch.distributed as dist
from raykd.distributed.world import World
rank, meeting_point = int(sys.argv[1]), sys.argv[2]
torch.set_num_threads(1)
dist.init_process_group("gloo", init_method=f"file://{meeting_point}", rank=rank, world_size=2)
world = World.current("cpu")
assert (world.rank, world.size, world.device) == (rank, 2, torch.device("cpu"))
assert World.alone(torch.device("cpu")).size == 1
assert world.sum(torch.tensor([1.0, 10.0 * rank])).tolist() == [2.0, 10.0]

torch.manual_seed(rank)
module = torch.nn.Sequential(torch.nn.Linear(3, 3), torch.nn.BatchNorm1d(3), torch.nn.Linear(3, 1))
for skipped in (False, True):
    wrapped = world.wrap(module, may_skip_parameters=skipped)
    wrapped(torch.randn(4, 3)).sum().backward()
weights = torch.cat([parameter.flatten() for parameter in module.parameters()])
gradients = torch.cat([parameter.grad.flatten() for parameter in module.parameters()])
for values in (weights, gradients):
    assert torch.allclose(world.sum(values.detach().clone()), 2 * values)

first = world.first(1, timeout_s=60)
assert (first.rank, first.size, first.takes_part) == (rank, 1, rank == 0)
assert world.first(2, timeout_s=60) is world and world.takes_part
if first.takes_part:
    assert first.sum(torch.tensor(3.0)).item() == 3.0

module[1].running_mean.fill_(rank + 5.0)
world.share_buffers(module)
assert module[1].running_mean.tolist() == [5.0] * 3
dist.barrier()
dist.destroy_process_group()
os._exit(0)  # an interpreter's own end aborted 1 time in 40, "terminate called": DDP still held gloo's threads
"""


def test_a_process_alone():
    world = World.current("cpu")
    assert world == World(0, 1, CPU) == World.alone(CPU)
    module, values = nn.BatchNorm1d(3), torch.tensor([1.0, 2.0])
    assert world.wrap(module, may_skip_parameters=True) is module
    assert torch.equal(world.sum(values), values)
    world.share_buffers(module)


def test_the_default_device_is_the_gpu_where_there_is_one():
    assert World.current().device.type == ("cuda" if torch.cuda.is_available() else "cpu")


@pytest.mark.parametrize(
    ("device", "message"),
    [("gpu", "unknown device 'gpu'; choices: cpu"), ("cuda:99", "no device 'cuda:99' here; choices: cpu")],
)
def test_a_device_that_is_not_there(device: str, message: str):
    with pytest.raises(ValueError, match=message):
        World.current(device)


def test_two_ranks_share_sums_gradients_and_buffers(tmp_path: Path):
    root = Path(__file__).parents[2]
    command = [sys.executable, "-c", TWO_RANKS]
    ranks = [
        subprocess.Popen([*command, str(rank), str(tmp_path / "meeting")], cwd=root, stderr=subprocess.PIPE, text=True)
        for rank in range(2)
    ]
    errors = [rank.communicate(timeout=60)[1] for rank in ranks]
    assert [rank.returncode for rank in ranks] == [0, 0], "\n".join(errors)
