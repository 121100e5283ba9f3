"""A network is named in a word or two, and a wrong word gets one line with the right ones."""

import sys

import pytest

from raykd.models.cifar_resnet import WIDE, ResNet
from raykd.models.cnn import CNN
from raykd.models.named import network
from raykd.models.timm import Timm
from raykd.models.torchvision import Torchvision
from raykd.models.wide_resnet import WRN
from raykd.protocols.model import bare


@pytest.mark.parametrize(
    ("name", "spec"),
    [
        ("resnet8x4", ResNet(depth=8, widths=WIDE)),
        ("wrn_40_2", WRN(depth=40, factor=2)),
        ("cnn", CNN()),
        ("timm/mobilenetv3_small_100", Timm(name="mobilenetv3_small_100")),
        ("timm/resnet18.a1_in1k", Timm(name="resnet18.a1_in1k")),
        ("torchvision/resnet50", Torchvision(name="resnet50")),
    ],
)
def test_names(name: str, spec: object):
    assert network(name) == spec


def test_pretrained_ones():
    assert network("timm/resnet18", pretrained=True) == Timm(name="resnet18.a1_in1k", pretrained=True)
    assert network("torchvision/resnet50", pretrained=True) == Torchvision(name="resnet50", weights="DEFAULT")
    with pytest.raises(ValueError, match="raykd has no weights of resnet8x4; those with weights are timm/NAME and "):
        network("resnet8x4", pretrained=True)


@pytest.mark.parametrize(
    ("name", "line"),
    [
        ("resnet8x5", "unknown network 'resnet8x5'; did you mean resnet8x4, "),
        ("resnet50", "unknown network 'resnet50'; did you mean torchvision/resnet50 or timm/resnet50"),
        ("timm/resnet5", "unknown network 'resnet5' of timm; did you mean resnet50, "),
        ("torchvision/resnet51", "unknown network 'resnet51'; did you mean resnet50"),
        ("tim/resnet50", "unknown network 'tim/resnet50'; did you mean timm/resnet50"),
        ("qqqq", "unknown network 'qqqq'; choices: resnet8, "),
    ],
)
def test_unknown_names(name: str, line: str):
    with pytest.raises(ValueError, match=line):
        network(name)


def test_without_timm(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    assert network("torchvision/resnet50") == Torchvision(name="resnet50")
    with pytest.raises(FileNotFoundError, match="pip install"):
        network("timm/resnet50")
    with pytest.raises(ValueError, match=r"did you mean torchvision/resnet50$"):
        network("resnet50")


def test_weights_that_are_loaded_over_need_not_be_here():
    own = network("cnn")
    assert bare(own) is own
    assert bare(network("timm/resnet18", pretrained=True)) == Timm(name="resnet18.a1_in1k")
    assert bare(network("torchvision/resnet18", pretrained=True)) == Torchvision(name="resnet18")
