"""timm's networks, cut into stages, are what they were, with the weights that timm or a file has for them."""

import sys
from typing import Any

import pytest
import torch
from safetensors.torch import save_file

from networks import perturb
from raykd.models import timm_weights
from raykd.models.custom import check_cut
from raykd.models.staged import Staged, feature_shapes, stem_shape
from raykd.models.timm import Timm
from raykd.space.serialise import decode, encode, fingerprint

timm = pytest.importorskip("timm")
SMALL = "mobilenetv3_small_050"
TINY = "test_efficientnet"  # one that timm has for its own tests
IMAGE = (3, 64, 64)
HALVED = [(16, 16), (8, 8), (4, 4), (2, 2)]


def build(name: str, image: tuple[int, int, int] = IMAGE, num_classes: int = 5) -> Staged:
    return perturb(Timm(name=name).build(num_classes, image))


# the cut


@pytest.mark.parametrize(
    ("name", "widths"),
    [
        ("resnet18", (64, 128, 256, 512)),
        ("resnet26", (256, 512, 1024, 2048)),
        ("convnext_atto", (40, 80, 160, 320)),
        ("efficientnet_b0", (24, 40, 112, 320)),
        (SMALL, (8, 16, 24, 288)),
        ("mobilenetv4_conv_small", (32, 64, 96, 960)),
        ("regnetx_002", (24, 56, 152, 368)),
        ("fastvit_t8", (48, 96, 192, 384)),
        ("swin_tiny_patch4_window7_224", (96, 192, 384, 768)),
    ],
)
def test_stages_compute_what_timm_computes(name: str, widths: tuple[int, ...]):
    network = build(name)
    assert feature_shapes(network, IMAGE) == tuple((width, *size) for width, size in zip(widths, HALVED, strict=True))
    check_cut(network, IMAGE)


@pytest.mark.parametrize(
    ("name", "grid"),
    [
        ("vit_tiny_patch16_224", (4, 4)),
        ("deit_tiny_distilled_patch16_224", (4, 4)),  # two tokens in front
        ("vit_tiny_r_s16_p8_224", (2, 2)),  # a hybrid
        ("mixer_s32_224", (2, 2)),
    ],
)
def test_tokens_are_shown_as_a_map(name: str, grid: tuple[int, int]):
    network = build(name)
    shapes = feature_shapes(network, IMAGE)
    assert len(shapes) == 4 and {shape[1:] for shape in shapes} == {grid}
    assert stem_shape(network, IMAGE) == shapes[0]
    check_cut(network, IMAGE)


def test_a_last_stage_of_tokens():
    """An EfficientFormer's, after three of maps."""
    network, image = build("efficientformer_l1", (3, 224, 224)), (3, 224, 224)
    assert [shape[1:] for shape in feature_shapes(network, image)] == [(56, 56), (28, 28), (14, 14), (7, 7)]
    check_cut(network, image)


def test_the_places_of_a_vits_map_are_its_tokens_without_the_class_token():
    network = build("test_vit").eval()
    plain: Any = network.network
    images = torch.randn(2, *IMAGE)
    with torch.no_grad():
        features = network(images).features
        expected = plain.forward_intermediates(images, [0, 2, 3, 5], intermediates_only=True)
    for feature, tokens in zip(features, expected, strict=True):
        torch.testing.assert_close(feature, tokens)


def test_a_stage_takes_a_map_whose_mean_is_the_class_token():
    network = build("test_vit").eval()
    feature = torch.randn(2, 64, 4, 4)
    tokens = torch.cat([feature.mean((2, 3))[:, None], feature.flatten(2).transpose(1, 2)], dim=1)
    torch.testing.assert_close(network.stage(1, feature), network.stage(1, tokens))
    torch.testing.assert_close(network.head(feature), network.head(tokens))


def test_a_resnets_maps_before_their_relu():
    outputs = build("test_resnet").eval()(torch.randn(2, *IMAGE))
    for before, after in zip(outputs.before_relu, outputs.features, strict=True):
        assert before.min() < 0
        assert torch.equal(before.relu(), after)


def test_grey_images():
    network = build(SMALL, (1, 64, 64))
    check_cut(network, (1, 64, 64))


def test_a_network_that_cannot_be_cut():
    with pytest.raises(ValueError, match=r"timm's eva02_\w+ cannot be cut into stages: something stands between its "):
        Timm(name="eva02_tiny_patch14_224").build(5, (3, 56, 56))


@pytest.mark.parametrize(("name", "image"), [("test_coatnet", (3, 30, 30)), ("inception_v3", (3, 32, 32))])
def test_impossible_images(name: str, image: tuple[int, int, int]):
    with pytest.raises(ValueError, match=rf"timm's {name} takes no images of \(3, 3\d, 3\d\): \w+"):
        Timm(name=name).build(5, image)


def test_a_vit_takes_whole_patches():
    with pytest.raises(
        ValueError, match=r"takes no images of \(3, 40, 40\): Input height \(40\) should be divisible by patch size"
    ):
        Timm(name="test_vit").build(5, (3, 40, 40))


# names


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("resnet81", "unknown network 'resnet81' of timm; did you mean resnet18"),
        ("resnet18.a9_in1k", "unknown weights 'a9_in1k' of timm's resnet18; did you mean a3_in1k"),
    ],
)
def test_unknown_names(name: str, hint: str):
    with pytest.raises(ValueError, match=hint):
        Timm(name=name)


def test_pretrained_says_which_weights():
    assert Timm(name="resnet18", pretrained=True) == Timm(name="resnet18.a1_in1k", pretrained=True)
    assert fingerprint(Timm(name="resnet18", pretrained=True)) != fingerprint(Timm(name="resnet18"))
    assert decode(encode(Timm(name="resnet18", pretrained=True))) == Timm(name="resnet18", pretrained=True)


def test_a_network_without_weights():
    with pytest.raises(ValueError, match="timm has no weights of cspresnet50d; pretrained must be False"):
        Timm(name="cspresnet50d", pretrained=True)


def test_without_timm(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setitem(sys.modules, "timm", None)
    with pytest.raises(FileNotFoundError, match=r"^networks of timm need the library: pip install 'raykd\[timm\]'$"):
        Timm()


# weights


def cached(monkeypatch: pytest.MonkeyPatch, folder: Any, name: str) -> dict[str, torch.Tensor]:
    """Puts fresh weights where the hub's cache would have those of a name."""
    state = timm.create_model(name).state_dict()
    save_file(state, folder / "model.safetensors")
    monkeypatch.setattr(timm_weights, "_from_hub", lambda config: str(folder / "model.safetensors"))
    return state


def test_weights_of_the_cache(tmp_path, monkeypatch):
    state = cached(monkeypatch, tmp_path, TINY)
    network = Timm(name=TINY, pretrained=True).build(1000, IMAGE)
    plain: Any = network.network
    assert all(torch.equal(value, state[name]) for name, value in plain.state_dict().items())
    check_cut(network, IMAGE)
    assert "state_dict" not in plain.pretrained_cfg  # a second copy of all weights, pickled with it


def test_another_number_of_classes_gets_a_fresh_last_layer_alone(tmp_path, monkeypatch):
    state = cached(monkeypatch, tmp_path, TINY)
    network = Timm(name=TINY, pretrained=True).build(5, IMAGE)
    loaded = network.network.state_dict()
    fresh = [name for name, value in loaded.items() if not torch.equal(value, state[name])]
    assert fresh == ["classifier.weight", "classifier.bias"]
    assert network.eval()(torch.randn(2, *IMAGE)).logits.shape == (2, 5)
    check_cut(network, IMAGE)


def test_a_backbone_without_a_last_layer_gets_one(tmp_path):
    state = timm.create_model("test_vit", num_classes=0).state_dict()
    save_file(state, tmp_path / "backbone.safetensors")
    spec = Timm(name="test_vit", weights=str(tmp_path / "backbone.safetensors"))
    network = spec.build(5, (3, 48, 48)).network
    assert torch.equal(network.get_parameter("blocks.1.mlp.fc1.weight"), state["blocks.1.mlp.fc1.weight"])
    assert network.get_parameter("pos_embed").shape[1] == 1 + 3 * 3  # fitted to the places of these images
    assert network.get_submodule("head").out_features == 5


def test_a_students_own_file(tmp_path):
    state = timm.create_model(TINY, num_classes=5).state_dict()
    save_file(state, tmp_path / "mine.safetensors")
    spec = Timm(name=TINY, weights=str(tmp_path / "mine.safetensors"))
    loaded = spec.build(5, IMAGE).network.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in state.items())
    torch.save({"state_dict": state}, tmp_path / "mine.pth")
    assert fingerprint(spec) != fingerprint(Timm(name=TINY, weights=str(tmp_path / "mine.pth")))


def test_weights_of_another_network(tmp_path):
    torch.save(timm.create_model("resnet18", num_classes=5).state_dict(), tmp_path / "resnet18.pth")
    spec = Timm(name=TINY, weights=str(tmp_path / "resnet18.pth"))
    with pytest.raises(
        ValueError, match=rf"resnet18\.pth does not hold the weights of this {TINY}: missing conv_stem\.weight, "
    ):
        spec.build(5, IMAGE)


def test_both_kinds_of_weights_at_once():
    with pytest.raises(ValueError, match="of pretrained and weights one may be given, got both"):
        Timm(name=TINY, pretrained=True, weights="mine.pth")


def test_offline_says_so_at_once(tmp_path, monkeypatch):
    """The hub is asked once; its client would ask twelve times, for 46 seconds."""
    import huggingface_hub

    asked: list[str] = []

    def nobody(url: str, **options: Any) -> None:
        asked.append(url)
        raise ConnectionError("Name or service not known")

    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", nobody)
    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    with pytest.raises(
        ConnectionError,
        match=r"weights of timm's resnet18\.a1_in1k are not in the cache of this machine, and timm/resnet18\.a1_in1k "
        r"cannot be had: Name or service not known; fetch them where there is a network, or give `weights` a file",
    ):
        Timm(name="resnet18", pretrained=True).build(5, IMAGE)
    assert len(asked) == 1


def test_the_cache_is_enough(tmp_path, monkeypatch):
    """A file in the hub's cache is found without asking the hub, in the folders that the hub's client makes."""
    import huggingface_hub

    monkeypatch.setattr(huggingface_hub.constants, "HF_HUB_CACHE", str(tmp_path))
    monkeypatch.setattr(huggingface_hub, "get_hf_file_metadata", lambda *_, **__: pytest.fail("it was asked"))
    config = timm.get_pretrained_cfg(f"{TINY}.r160_in1k")
    repository = tmp_path / f"models--{config.hf_hub_id.replace('/', '--')}"
    (repository / "refs").mkdir(parents=True)
    (repository / "refs/main").write_text("c" * 40)
    (repository / "snapshots" / ("c" * 40)).mkdir(parents=True)
    state = timm.create_model(TINY).state_dict()
    save_file(state, repository / "snapshots" / ("c" * 40) / "model.safetensors")
    network = Timm(name=TINY, pretrained=True).build(1000, IMAGE).network
    assert torch.equal(network.get_parameter("classifier.weight"), state["classifier.weight"])
