'''Your own network, without rewriting it: name its modules in a spec of your own, and check the cut.

In your study file, or in a module that it imports:

    @dataclass(frozen=True, kw_only=True)
    class MyNet:
        """What stands in a recipe: numbers and strings, from which `build` makes the network."""

        width: int = searched(32, IntDistribution(16, 64))

        def build(self, num_classes, image):
            network = my_package.Net(self.width, num_classes)
            stages = ("body.0", ("body.1", torch.relu))
            return Staged(network, stem="conv1", stages=stages, head=("pool", nn.Flatten(), "classifier"))

    check_cut(MyNet().build(10, (3, 32, 32)), (3, 32, 32))

A recipe file that holds a `MyNet` says so by name alone: whoever reads it passes the class,
`from_file(path, types=[MyNet])`, and a file never makes raykd import or call anything else. For that reason there
is no spec here that names a function by its import path.

A teacher needs no cut where class scores are all that is asked of it (KD, DKD, DIST, CTKD). Any module that gives them
will do, by one line in its spec:

    def build(self, num_classes, image):
        return scores_only(my_package.Net(num_classes))

A term that needs its features then says so before anything is trained.
'''

import copy

import torch
from torch import Tensor, nn

from raykd.errors import InvalidError
from raykd.models.staged import Shape, Staged

_RELATIVE, _ABSOLUTE = 1e-4, 1e-5  # float32 sums in another order; a forgotten ReLU is off by orders of magnitude


def scores_only(network: nn.Module) -> Staged:
    """A network that is not cut: any module that gives class scores (images, classes) for images."""
    return Staged(network, stem=(), stages=None, head=network)


def check_cut(staged: Staged, image: Shape) -> None:
    """Refuses a cut that does not compute what the plain network's own forward computes, in eval mode.

    Also refuses a network that changes a stage's output in place after handing it out, as a
    `ReLU(inplace=True)` at the start of the next stage does. The network itself is left as it was.

    Args:
        image: (channels, height, width) of the two random images that it is tried on.

    Raises:
        ValueError: with the largest difference, or with the stage that is changed.
    """
    twin = copy.deepcopy(staged).eval()
    example = next(twin.parameters(), torch.empty(0))
    images = torch.randn(2, *image, generator=torch.Generator().manual_seed(0))
    images = images.to(example.device, example.dtype)
    with torch.no_grad():
        expected = twin.network(images.clone())
        if not isinstance(expected, Tensor):
            raise InvalidError(
                f"the forward of {type(twin.network).__name__} must give class scores alone to be compared, "
                f"got {type(expected).__name__}"
            )
        _compare(_run(twin, images.clone()), expected)


def _run(network: Staged, images: Tensor) -> Tensor:
    """The logits, stage by stage."""
    hidden = network.stem(images)
    handed_out: list[Tensor] = []
    copies: list[Tensor] = []
    for index in range(network.num_stages):
        hidden = network.stage(index, hidden)
        handed_out.append(hidden)
        copies.append(hidden.clone())
    logits = network.head(hidden)
    for index, (now, then) in enumerate(zip(handed_out, copies, strict=True)):
        if not torch.equal(now, then):
            raise InvalidError(
                f"the output of stage {index} is changed in place by what follows, by up to "
                f"{(now - then).abs().max().item():.3g}; end the stage after that operation, or make it inplace=False"
            )
    return logits


def _compare(logits: Tensor, expected: Tensor) -> None:
    if logits.shape != expected.shape:
        raise InvalidError(
            f"the stages give logits of shape {tuple(logits.shape)}, the network itself {tuple(expected.shape)}"
        )
    if not torch.allclose(logits, expected, rtol=_RELATIVE, atol=_ABSOLUTE):
        raise InvalidError(
            f"the stages do not compute what the network computes: logits differ by up to "
            f"{(logits - expected).abs().max().item():.3g}; is a module or a function between modules missing?"
        )
