"""What a model promises: stages that compute what the plain network computes, and that training reaches all of."""

import torch

from raykd.errors import one_line
from raykd.models.custom import check_cut
from raykd.models.staged import Shape, Staged, feature_shapes
from raykd.protocols.model import ModelSpec
from raykd.testing.promises import check_value, promise, promised
from raykd.testing.tiny_run import global_seed, same_tensors


def check_model(model: ModelSpec, image: Shape = (3, 32, 32), num_classes: int = 7) -> None:
    """Checks that a model keeps its promises.

    Args:
        image: channels, height and width of the images to try it on.
        num_classes: to build it for.

    Raises:
        AssertionError: a promise is broken.
    """
    check_value(model, ModelSpec)
    network = _build(model, image, num_classes)
    try:
        check_cut(network, image)
    except ValueError as error:
        raise AssertionError(f"{type(model).__name__}: {one_line(error)}") from error
    _check_outputs(model, network, image, num_classes)
    _check_training(model, network, image)
    again = _build(model, image, num_classes).state_dict()
    same = same_tensors(_build(model, image, num_classes).state_dict(), again)
    promise(same, model, "the same seed of PyTorch's generator does not give the same weights")


def _build(model: ModelSpec, image: Shape, num_classes: int) -> Staged:
    with promised(model, f"building it for images of {image} and {num_classes} classes"), global_seed(0):
        network = model.build(num_classes, image)
    promise(isinstance(network, Staged), model, f"builds a {type(network).__name__}, which is no Staged")
    return network


def _check_outputs(model: ModelSpec, network: Staged, image: Shape, num_classes: int) -> None:
    with promised(model, "running it"), torch.no_grad():
        outputs = network.eval()(_images(image))
    shape = tuple(outputs.logits.shape)
    promise(shape == (2, num_classes), model, f"its logits must be (images, classes), (2, {num_classes}), got {shape}")
    shapes = tuple(tuple(feature.shape[1:]) for feature in outputs.features)
    flat_or_maps = all(len(shape) in (1, 3) for shape in shapes)
    promise(flat_or_maps, model, f"each stage must give a vector or maps for an image, got shapes {shapes}")
    blank = feature_shapes(network, image)
    promise(shapes == blank, model, f"its shapes depend on the images' content, {shapes} and {blank}")


def _check_training(model: ModelSpec, network: Staged, image: Shape) -> None:
    """Every stage's output stays as it was handed out, and a loss of them all reaches every parameter."""
    network.train()
    with promised(model, "a step of training"), global_seed(1):
        hidden = network.stem(_images(image))
        handed_out = []
        for index in range(network.num_stages):
            hidden = network.stage(index, hidden)
            handed_out.append((hidden, hidden.detach().clone()))
        loss = network.head(hidden).square().mean() + sum(feature.square().mean() for feature, _ in handed_out)
        loss.backward()
    for index, (feature, before) in enumerate(handed_out):
        promise(torch.equal(feature, before), model, f"the output of stage {index} is changed by what follows it")
    idle = [name for name, parameter in network.named_parameters() if parameter.grad is None]
    promise(not idle, model, f"training does not reach its parameters {', '.join(idle)}")


def _images(image: Shape) -> torch.Tensor:
    return torch.randn(2, *image, generator=torch.Generator().manual_seed(0))
