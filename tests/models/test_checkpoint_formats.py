"""Checkpoints as people have them: what is in a file, and the same weights come out of it."""

import pathlib
from collections import OrderedDict, defaultdict
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from torch import nn

from checkpoints import (
    ADAM_STATE,
    OPTIMISER,
    OPTIONS,
    OTHER,
    Config,
    Dictionary,
    Level,
    Net,
    S,
    arrays,
    assert_read,
    averaged,
    compiled_inside,
    openmmlab,
    parameters,
    turned,
    under,
)

# what `torch.save` is given
CONTENTS: dict[str, Any] = {
    "plain": S,
    "ordered": OrderedDict(S),
    "with the versions of its modules": Net().state_dict(),
    "whole network": Net(),
    "whole network, parallel": nn.DataParallel(Net()),
    "whole network under a key": {"epoch": 3, "model": Net(), "ema": None, "optimizer": None},
    "parallel": under("module."),
    "compiled": under("_orig_mod."),
    "compiled, then parallel": under("module._orig_mod."),
    "parallel, then compiled": under("_orig_mod.module."),
    "twice parallel, compiled between": under("module._orig_mod.module."),
    "one module compiled": compiled_inside(),
    "one module compiled, parallel": under("module.", compiled_inside()),
    "FSDP": under("_fsdp_wrapped_module."),
    "checkpointed activations": {name.replace("1.", "1._checkpoint_wrapped_module."): S[name] for name in S},
    "Lightning": {"state_dict": under("model."), "epoch": 3, "hyper_parameters": {"lr": 0.1}, "callbacks": {}},
    "Lightning, compiled": {"state_dict": under("model._orig_mod."), "global_step": 9},
    "Lightning, its network called net": {"state_dict": under("net.") | {"loss.weight": torch.ones(3)}},
    "Lightning, best scores beside": {
        "callbacks": {"ModelCheckpoint": {"best_k_models": {"a.ckpt": torch.tensor(0.9)}}},
        "state_dict": under("model."),
    },
    "OpenMMLab": {"meta": {"epoch": 3}, "state_dict": openmmlab(), "optimizer": OPTIMISER},
    "OpenMMLab, parallel": {"state_dict": under("module.", openmmlab())},
    "a backbone's prefix": under("encoder.backbone."),
    "SWA": averaged(),
    "SWA, parallel inside": under("module.", averaged()),
    "SWA, with buffers": averaged(use_buffers=True),
    "model is a name": {"model": "resnet18", "state_dict": S},
    "arch, epoch and best_acc1": {"arch": "resnet18", "epoch": 3, "state_dict": under("module."), "best_acc1": 70.1},
    "model_state_dict": {"model_state_dict": S, "optimizer_state_dict": OPTIMISER, "loss": 0.1},
    "net": {"net": under("module."), "acc": 90.1, "epoch": 3},
    "module": {"module": S, "buffer_names": ["bn1.running_mean"], "optimizer": ADAM_STATE},
    "state_dict in model": {"model": {"state_dict": S, "arch": "resnet18"}, "epoch": 3},
    "an unusual key, the only one": {"my_own_net": S, "epoch": 3, "adam": {"step": 3}},
    "Adam's averages beside": {"optimizer": ADAM_STATE, "network": S},
    "the state of random numbers beside": {"rng_state": {"cpu": torch.get_rng_state()}, "weights": S},
    "Namespace, as torchvision's references": {"model": S, "optimizer": OPTIMISER, "args": OPTIONS, "epoch": 3},
    "paths": {"state_dict": S, "out": pathlib.Path("/out"), "where": pathlib.PureWindowsPath("c:/")},
    "a config of its own class": {"config": Config(), "state_dict": S},
    "an enumeration as a key": {Level.HIGH: 1, "state_dict": S},
    "a dictionary of its own class": Dictionary(state_dict=Dictionary(S), step=3),
    "defaultdict": {"history": defaultdict(list, loss=[0.1]), "state_dict": defaultdict(None, S)},
    "a function and a class": {"init": partial(nn.init.zeros_), "class": nn.ReLU, "state_dict": S},
    "NumPy arrays": arrays(),
    "NumPy arrays under a key": {"model": arrays(), "__author__": "detectron2"},
    "NumPy numbers beside": {"model": S, "best": np.float64(0.9), "curve": np.arange(3), "text": np.array("a")},
    "NumPy's turned bytes and columns": {name: turned(value) for name, value in arrays().items()},
    "parameters": parameters(),
    "more than tensors within": S | {"_version": 3, "arch": "resnet18", "classes": ["cat", "dog"]},
    "tensors that share memory": {name: torch.stack([value, value])[1] for name, value in S.items()},
    "double": {name: value.double() if value.is_floating_point() else value for name, value in S.items()},
    "without num_batches_tracked": {name: S[name] for name in S if "num_batches" not in name},
    "student beside its teacher": {"model": under("module.student.") | under("module.teacher.", OTHER)},
}


@pytest.mark.parametrize("content", CONTENTS.values(), ids=list(CONTENTS))
def test_a_file_of_pytorch(tmp_path: Path, content: Any):
    torch.save(content, tmp_path / "teacher.pth")
    assert_read(tmp_path / "teacher.pth")
