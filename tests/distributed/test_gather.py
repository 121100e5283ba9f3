"""What is gathered, and from whom; several live processes are in test_train_ranks.py and test_infoflow.py."""

import torch
import torch.distributed as dist

from raykd.distributed.gather import among, of_all_ranks, several, whole_batch
from raykd.distributed.world import World
from tiny import random

ONE, TWO = World(0, 1, torch.device("cpu")), World(0, 2, torch.device("cpu"))


def test_a_run_of_one_calls_nobody_though_a_process_group_is_up(tmp_path):
    """Rank 0 trains another teacher's student while rank 1 waits for it: a call would hang."""
    dist.init_process_group("gloo", init_method=f"file://{tmp_path}/meeting", rank=0, world_size=1)
    try:
        features = random(3, 2)
        with among(TWO):
            assert several()
        with among(ONE):
            assert not several()
            assert whole_batch(features) is features
            assert torch.equal(of_all_ranks(features), features)
    finally:
        dist.destroy_process_group()


def test_two_nested_runs_are_told_apart():
    with among(TWO):
        with among(ONE):
            assert not several()
        assert several()
    assert not several()
