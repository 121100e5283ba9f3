"""torchvision's ResNets, MobileNets, EfficientNets, ConvNeXts and ViTs, cut into four stages.

The networks are torchvision's own, so that its weights and anybody's files of them load. The convolutional ones end
their stages at 1/4, 1/8, 1/16 and 1/32 of the image's size (the last 1x1 convolution of a MobileNet or EfficientNet
belongs to the last stage); a ViT's blocks are cut into four equal runs, the last of them with the closing
normalisation, all at 1/patch of the size.

A ViT's tokens become a map: channels, height, width. Its class token has no place on a map, and the next stage needs
it, so each position holds its own token and beside it, in as many channels again, the class token, as DPT's
"project" readout puts them together (Ranftl et al., ICCV 2021, arXiv 2103.13413). The next stage takes the class
token back as the mean over all positions, which are equal unless another network's stage stood in.

Left out, and to be had of timm: Inception, Swin, and a ViT's position embedding fitted to another image size.
"""

import functools
import itertools
import math
from dataclasses import dataclass, replace
from typing import Any, TypeAlias

import torch
from jaxtyping import Float
from torch import Tensor, nn
from torchvision import models
from torchvision.models import ConvNeXt, EfficientNet, MobileNetV2, MobileNetV3, ResNet, VisionTransformer
from torchvision.models.resnet import Bottleneck

from raykd.errors import InvalidError, nearest
from raykd.models.staged import Shape, Staged
from raykd.models.tensor_names import fitted
from raykd.models.torchvision_weights import published, published_state
from raykd.models.weights import anchored, content, load_weights, read_weights

_FAMILIES = ("*resnet*", "resnext*", "mobilenet_v*", "efficientnet_*", "convnext_*", "vit_*")
NAMES = tuple(models.list_models(models, include=_FAMILIES))
NUM_STAGES = 4
_SUFFIXES = (".safetensors", ".pth", ".pt", ".bin", ".ckpt", ".pth.tar", ".index.json")
_Convolutional: TypeAlias = MobileNetV2 | MobileNetV3 | EfficientNet | ConvNeXt
_Map: TypeAlias = Float[Tensor, "batch channels height width"]


@dataclass(frozen=True, kw_only=True)
class Torchvision:
    """One of torchvision's networks as it stands in a recipe.

    Args:
        name: torchvision's, such as `resnet50`, `mobilenet_v3_large` or `vit_b_16`.
        weights: what the network starts from, in every place that builds it: a file (`raykd.models.weights`), or
            one of torchvision's names such as `DEFAULT` or `IMAGENET1K_V1`, which downloads it unless torch's hub
            folder has it. The last layer of weights for another number of classes is left out and starts afresh.
            None for fresh weights. Hashes follow a file's content, not its path.
    """

    name: str = "resnet18"
    weights: str | None = None

    def __post_init__(self) -> None:
        if self.name not in NAMES:
            raise InvalidError(f"unknown network {self.name!r}; {nearest(self.name, NAMES)}")
        if self.weights is not None and not _is_file(self.weights) and self.weights not in published(self.name):
            choices = ", ".join(published(self.name))
            raise InvalidError(
                f"weights of {self.name} must be a file ending in {', '.join(_SUFFIXES)} or one of {choices}, "
                f"got {self.weights!r}"
            )
        if self.weights is not None and _is_file(self.weights):
            object.__setattr__(self, "weights", anchored(self.weights))

    def build(self, num_classes: int, image: Shape) -> Staged:
        """As `ModelSpec.build`.

        Raises:
            ValueError: images that the network cannot take, or weights of another network.
            FileNotFoundError, ConnectionError: no such file of weights, or torchvision's cannot be had.
        """
        if image[0] != 3:
            raise InvalidError(f"torchvision's networks take images of 3 channels, got {image}")
        options: dict[str, Any] = {"num_classes": num_classes}
        if self.name.startswith("vit_"):
            options["image_size"] = _checked_side(self.name, image)
        network = models.get_model(self.name, weights=None, **options)
        if self.weights is not None:
            self._load(network, self.weights)
        return cut(network)

    def contents(self) -> dict[str, Any]:
        """As `raykd.space.serialise.NamesFiles`."""
        return {"weights": content(self.weights)} if self.weights is not None and _is_file(self.weights) else {}

    def bare(self) -> "Torchvision":
        return replace(self, weights=None)

    def _load(self, network: nn.Module, weights: str) -> None:
        if _is_file(weights):
            found = read_weights(weights).state
        else:
            found = published_state(published(self.name)[weights], self.name)
        own = network.state_dict()
        state = fitted(found, own)
        for name in list(own)[-2:]:  # the last layer's weight and bias
            if name in state and state[name].shape != own[name].shape:
                state[name] = own[name]
        load_weights(network, state, weights, self.name)


def cut(network: nn.Module) -> Staged:
    """A torchvision network as stem, four stages and head.

    Raises:
        ValueError: a network of another family.
    """
    flat = functools.partial(torch.flatten, start_dim=1)
    match network:
        case ResNet():
            stem = ("conv1", "bn1", "relu", "maxpool")
            stages = [_relu_apart(run) for run in (network.layer1, network.layer2, network.layer3, network.layer4)]
            return Staged(network, stem=stem, stages=stages, head=("avgpool", flat, "fc"))
        case ConvNeXt():
            return Staged(network, stem="features.0", stages=_runs(network), head=("avgpool", "classifier"))
        case MobileNetV2():  # pools in its forward, by a function
            pool = functools.partial(nn.functional.adaptive_avg_pool2d, output_size=1)
            return Staged(network, stem="features.0", stages=_runs(network), head=(pool, flat, "classifier"))
        case MobileNetV3() | EfficientNet():
            return Staged(network, stem="features.0", stages=_runs(network), head=("avgpool", flat, "classifier"))
        case VisionTransformer():
            return _cut_transformer(network)
    raise InvalidError(f"cannot cut a {type(network).__name__}; a Staged of its modules' names does that")


def _relu_apart(run: nn.Sequential) -> list[Any]:
    """A ResNet's run of blocks, the last one's last ReLU standing for itself."""
    return [*run[:-1], functools.partial(_before_relu, run[-1]), torch.relu]


def _before_relu(block: Any, hidden: _Map) -> Float[Tensor, "batch after rows columns"]:
    residual = block.bn2(block.conv2(block.relu(block.bn1(block.conv1(hidden)))))
    if isinstance(block, Bottleneck):
        residual = block.bn3(block.conv3(block.relu(residual)))
    return residual + (hidden if block.downsample is None else block.downsample(hidden))


def _runs(network: _Convolutional) -> list[list[str]]:
    """The names of the modules after the first one, by the size of their outputs: 1/4 and above, 1/8, 1/16, 1/32."""
    runs: dict[int, list[str]] = {}
    stride = 1
    for name, module in network.features.named_children():
        stride *= math.prod(part.stride[0] for part in module.modules() if isinstance(part, nn.Conv2d))
        if name != "0":
            runs.setdefault(max(stride, 4), []).append(f"features.{name}")
    assert list(runs) == [4, 8, 16, 32], runs
    return list(runs.values())


def _cut_transformer(network: VisionTransformer) -> Staged:
    num_blocks = len(network.encoder.layers)
    bounds = [index * num_blocks // NUM_STAGES for index in range(NUM_STAGES + 1)]
    stages = [functools.partial(_run_blocks, network, first, last) for first, last in itertools.pairwise(bounds)]
    head = functools.partial(_classify, network)
    return Staged(network, stem=functools.partial(_embed, network), stages=stages, head=head)


def _embed(network: VisionTransformer, images: Float[Tensor, "batch 3 image_height image_width"]) -> _Map:
    patches = network.conv_proj(images)
    tokens = patches.flatten(2).transpose(1, 2)
    tokens = torch.cat([network.class_token.expand(len(images), -1, -1), tokens], dim=1)
    return _to_map(network.encoder.dropout(tokens + network.encoder.pos_embedding), patches.shape[2:])


def _run_blocks(network: VisionTransformer, first: int, last: int, hidden: _Map) -> _Map:
    tokens = network.encoder.layers[first:last](_to_tokens(hidden))
    if last == len(network.encoder.layers):
        tokens = network.encoder.ln(tokens)
    return _to_map(tokens, hidden.shape[2:])


def _classify(network: VisionTransformer, hidden: _Map) -> Float[Tensor, "batch classes"]:
    return network.heads(_to_tokens(hidden)[:, 0])


def _to_map(tokens: Float[Tensor, "batch places features"], size: torch.Size) -> _Map:
    patches = tokens[:, 1:].transpose(1, 2).unflatten(2, tuple(size))
    class_token = tokens[:, 0, :, None, None].expand_as(patches)
    return torch.cat([patches, class_token], dim=1)


def _to_tokens(hidden: _Map) -> Float[Tensor, "batch places features"]:
    patches, class_token = hidden.flatten(2).chunk(2, dim=1)
    return torch.cat([class_token.mean(2, keepdim=True), patches], dim=2).transpose(1, 2)


def _checked_side(name: str, image: Shape) -> int:
    patch = int(name.rpartition("_")[2])
    if image[1] != image[2] or image[1] % patch:
        raise InvalidError(f"{name} takes square images of a multiple of {patch} pixels a side, got {image}")
    return image[1]


def _is_file(weights: str) -> bool:
    return weights.endswith(_SUFFIXES)
