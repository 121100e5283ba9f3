"""torchvision's networks, cut into stages, are what they were, with the weights that their files hold."""

import pickle
import urllib.error
import urllib.request
from typing import Any

import pytest
import torch
from safetensors.torch import save_file
from torch import nn
from torchvision import models
from torchvision.models import VisionTransformer

from networks import count, parameters, perturb
from raykd.models.custom import check_cut
from raykd.models.staged import Staged, feature_shapes
from raykd.models.torchvision import NAMES, Torchvision, cut
from raykd.space.serialise import decode, encode, fingerprint
from tiny import same_weights

SMALL = "mobilenet_v3_small"
IMAGE = (3, 64, 64)


@pytest.mark.parametrize("name", NAMES)
def test_parameter_count_and_stages(name: str):
    published = models.get_model_weights(name)["DEFAULT"].meta
    image = (3, *published["min_size"]) if name.startswith("vit") else IMAGE
    with torch.device("meta"):  # shapes alone, without the numbers
        network = Torchvision(name=name).build(1000, image)
        shapes = feature_shapes(network, image)
    assert count(parameters(network)) == published["num_params"]
    if name.startswith("vit"):
        side = image[1] // int(name[-2:])
        assert [shape[1:] for shape in shapes] == [(side, side)] * 4
    else:
        assert [shape[1:] for shape in shapes] == [(16, 16), (8, 8), (4, 4), (2, 2)]


@pytest.mark.parametrize("name", ["resnet18", "mobilenet_v2", SMALL, "efficientnet_b0", "convnext_tiny"])
def test_stages_compute_what_torchvision_computes(name: str):
    network = perturb(Torchvision(name=name).build(5, IMAGE))
    assert network(torch.randn(2, *IMAGE)).logits.std() > 0
    check_cut(network, IMAGE)


def test_a_transformer_computes_what_torchvision_computes():
    check_cut(transformer(), (3, 16, 16))


def test_a_transformers_tokens_become_a_map_with_the_class_token_beside_each():
    staged = transformer().eval()
    network: Any = staged.network
    images = torch.randn(2, 3, 16, 16)
    tokens = network._process_input(images)
    tokens = torch.cat([network.class_token.expand(2, -1, -1), tokens], dim=1) + network.encoder.pos_embedding
    features = staged(images).features
    bounds = [0, 1, 3, 4, 6]  # six blocks in four runs
    for index, feature in enumerate(features):
        for block in network.encoder.layers[bounds[index] : bounds[index + 1]]:
            tokens = block(tokens)
        last = network.encoder.ln(tokens) if index == 3 else tokens
        assert feature.shape == (2, 16, 4, 4)
        for row in range(4):
            for column in range(4):
                token = last[:, 1 + 4 * row + column]
                torch.testing.assert_close(feature[:, :, row, column], torch.cat([token, last[:, 0]], dim=1))


def test_gradients_reach_all_of_a_transformer():
    staged = transformer().train()
    staged(torch.randn(2, 3, 16, 16)).logits.square().sum().backward()
    assert all(parameter.grad is not None for parameter in staged.parameters())


def test_a_copy_of_a_transformer_runs_its_own_weights():
    staged = transformer().eval()
    twin = pickle.loads(pickle.dumps(staged))
    images = torch.randn(2, 3, 16, 16)
    torch.testing.assert_close(twin(images).logits, staged(images).logits)
    with torch.no_grad():
        for parameter in twin.parameters():
            parameter.zero_()
    assert bool((twin(images).logits == 0).all()) and bool((staged(images).logits != 0).any())


@pytest.mark.parametrize("suffix", ["pth", "safetensors"])
def test_weights_of_a_file(tmp_path, suffix: str):
    state = models.get_model(SMALL, num_classes=5).state_dict()
    file = str(tmp_path / f"weights.{suffix}")
    save_file(state, file) if suffix == "safetensors" else torch.save(state, file)
    spec = Torchvision(name=SMALL, weights=file)
    assert decode(encode(spec)) == spec
    loaded = spec.build(5, IMAGE).network.state_dict()
    assert all(torch.equal(loaded[name], value) for name, value in state.items())


def test_hashes_follow_the_content_of_a_file_of_weights(tmp_path, monkeypatch):
    for name, number in (("one", 1.0), ("twin", 1.0), ("other", 2.0)):
        torch.save({"weight": torch.full((2,), number)}, tmp_path / f"{name}.pth")
    (tmp_path / "twin.pth").write_bytes((tmp_path / "one.pth").read_bytes())  # the archive names its file
    one, twin, other = (Torchvision(weights=str(tmp_path / f"{name}.pth")) for name in ("one", "twin", "other"))
    assert fingerprint(one) == fingerprint(twin) != fingerprint(other)
    assert fingerprint(Torchvision(weights="DEFAULT")) != fingerprint(Torchvision())
    monkeypatch.chdir(tmp_path)
    assert Torchvision(weights="one.pth") == one


@pytest.mark.parametrize("name", ["resnet18", SMALL, "mobilenet_v2", "efficientnet_b0", "convnext_tiny", "vit_b_32"])
def test_another_number_of_classes_gets_a_fresh_last_layer_alone(tmp_path, monkeypatch, name: str):
    def small(name: str, weights: None, num_classes: int, **options) -> nn.Module:
        if name == "vit_b_32":
            return transformer(num_classes).network
        return builder(num_classes=num_classes)

    builder = models.get_model_builder(name)
    monkeypatch.setattr(models, "get_model", small)
    state = models.get_model(name, weights=None, num_classes=5).state_dict()
    torch.save(state, tmp_path / "weights.pth")
    network = Torchvision(name=name, weights=str(tmp_path / "weights.pth")).build(3, IMAGE).network
    loaded = network.state_dict()
    fresh = [key for key, value in state.items() if value.shape != loaded[key].shape]
    (last,) = {key.rpartition(".")[0] for key in fresh}
    assert network.get_submodule(last).out_features == 3
    assert all(torch.equal(loaded[key], value) for key, value in state.items() if key not in fresh)


def test_weights_that_torchs_hub_folder_has_are_not_downloaded(tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    state = models.get_model(SMALL).state_dict()
    name = models.MobileNet_V3_Small_Weights.IMAGENET1K_V1.url.rpartition("/")[2]
    (tmp_path / "hub/checkpoints").mkdir(parents=True)
    torch.save(state, tmp_path / "hub/checkpoints" / name)
    loaded = Torchvision(name=SMALL, weights="DEFAULT").build(1000, IMAGE).network.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in state.items())


def test_offline_says_so_at_once(tmp_path, monkeypatch):
    def nobody(request: urllib.request.Request, timeout: float) -> None:
        assert timeout <= 10 and request.method == "HEAD"
        raise urllib.error.URLError("Name or service not known")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setattr(urllib.request, "urlopen", nobody)
    with pytest.raises(
        ConnectionError,
        match=r"the weights IMAGENET1K_V1 of torchvision's mobilenet_v3_small are not in .*, and https://.* cannot be "
        r"had: .*Name or service not known.*; fetch them where there is a network, or give `weights` a file of them",
    ):
        Torchvision(name=SMALL, weights="DEFAULT").build(5, IMAGE)


def test_the_older_names_of_published_files(tmp_path, monkeypatch):
    network = transformer().network
    new, old = ("mlp.0.", "mlp.3."), ("mlp.linear_1.", "mlp.linear_2.")
    state = {key.replace(new[0], old[0]).replace(new[1], old[1]): value for key, value in network.state_dict().items()}
    assert any("linear_1" in key for key in state)
    torch.save(state, tmp_path / "vit.pth")
    monkeypatch.setattr(models, "get_model", lambda *_, **__: transformer().network)
    loaded = Torchvision(name="vit_b_32", weights=str(tmp_path / "vit.pth")).build(5, IMAGE).network.state_dict()
    assert all(torch.equal(loaded[key], value) for key, value in network.state_dict().items())


def test_files_from_before_normalisations_counted_their_batches(tmp_path):
    state = models.get_model(SMALL, num_classes=5).state_dict()
    older = {key: value for key, value in state.items() if not key.endswith("num_batches_tracked")}
    save_file(older, tmp_path / "weights.safetensors")
    loaded = Torchvision(name=SMALL, weights=str(tmp_path / "weights.safetensors")).build(5, IMAGE)
    assert all(torch.equal(loaded.network.state_dict()[key], value) for key, value in state.items())


def test_weights_of_another_network(tmp_path):
    torch.save(models.get_model("resnet18", num_classes=5).state_dict(), tmp_path / "resnet18.pth")
    spec = Torchvision(name=SMALL, weights=str(tmp_path / "resnet18.pth"))
    with pytest.raises(
        ValueError,
        match=r"resnet18\.pth does not hold the weights of this mobilenet_v3_small: missing features\.0\.0\.weight, ",
    ):
        spec.build(5, IMAGE)


def test_weights_for_images_of_another_size(tmp_path, monkeypatch):
    torch.save(transformer(side=32).network.state_dict(), tmp_path / "vit.pt")
    monkeypatch.setattr(models, "get_model", lambda *_, **__: transformer().network)
    with pytest.raises(ValueError, match=r"vit_b_32: encoder\.pos_embedding is 1 x 65 x 8, not 1 x 17 x 8"):
        Torchvision(name="vit_b_32", weights=str(tmp_path / "vit.pt")).build(5, IMAGE)


def test_a_whole_network_in_a_file_gives_its_weights(tmp_path):
    whole = models.get_model(SMALL, num_classes=5)
    torch.save(whole, tmp_path / "whole.pth")
    built = Torchvision(name=SMALL, weights=str(tmp_path / "whole.pth")).build(5, IMAGE)
    assert same_weights(built.network.state_dict(), whole.state_dict())


def test_a_file_of_something_else(tmp_path):
    torch.save([1, 2], tmp_path / "list.pth")
    with pytest.raises(ValueError, match=r"must hold a state dict, .* it holds a list"):
        Torchvision(name=SMALL, weights=str(tmp_path / "list.pth")).build(5, IMAGE)


def test_a_file_that_is_not_there():
    with pytest.raises(FileNotFoundError, match=r"no file of weights '/.*/nowhere/weights\.pth'"):
        Torchvision(name=SMALL, weights="nowhere/weights.pth").build(5, IMAGE)


@pytest.mark.parametrize(
    ("name", "hint"), [("resnet81", "did you mean resnet18"), ("swin_t", "choices: convnext_base")]
)
def test_unknown_network(name: str, hint: str):
    with pytest.raises(ValueError, match=f"unknown network '{name}'; {hint}"):
        Torchvision(name=name)


def test_unknown_weights():
    with pytest.raises(
        ValueError, match=r"weights of resnet18 must be a file .* or one of IMAGENET1K_V1, DEFAULT, got 'V2'"
    ):
        Torchvision(weights="V2")


@pytest.mark.parametrize(
    ("name", "image", "rule"),
    [
        ("resnet18", (1, 32, 32), "images of 3 channels"),
        ("vit_b_16", (3, 24, 24), "square images of a multiple of 16 pixels"),
        ("vit_b_32", (3, 32, 64), "square images of a multiple of 32 pixels"),
    ],
)
def test_impossible_images(name: str, image: tuple[int, int, int], rule: str):
    with pytest.raises(ValueError, match=rule):
        Torchvision(name=name).build(10, image)


def test_a_family_that_is_not_cut():
    with pytest.raises(ValueError, match="cannot cut a Sequential"):
        cut(nn.Sequential())


def transformer(num_classes: int = 5, side: int = 16) -> Staged:
    network = VisionTransformer(
        image_size=side, patch_size=4, num_layers=6, num_heads=2, hidden_dim=8, mlp_dim=16, num_classes=num_classes
    )
    nn.init.normal_(network.class_token)
    nn.init.normal_(network.get_parameter("heads.head.weight"))  # zero at first, as torchvision has it
    return cut(network)
