"""Feature maps: a stage's output as a map, maps of one size, maps averaged over their places.

Maps that differ in size are averaged to one size, as in the reference benchmark (RepDistiller).
"""

from jaxtyping import Float
from torch import Tensor, nn
from torch.nn import functional as F

from raykd.models.staged import Shape


def as_map(features: Tensor) -> Float[Tensor, "batch channels height width"]:
    """A stage's output as a map; a flat output is a map of 1 x 1."""
    return features[:, :, None, None] if features.ndim == 2 else features


def map_size(shape: Shape) -> tuple[int, int]:
    """Height and width of a stage's output; a flat one is a map of 1 x 1."""
    return (shape[1], shape[2]) if len(shape) == 3 else (1, 1)


def common_size(student: Shape, teacher: Shape) -> tuple[int, int]:
    """The smaller of the two heights, and of the two widths, of two stages' outputs."""
    (height, width), (rows, columns) = map_size(student), map_size(teacher)
    return min(height, rows), min(width, columns)


def same_size(
    student: Float[Tensor, "batch channels height width"], teacher: Float[Tensor, "batch others rows columns"]
) -> tuple[Float[Tensor, "batch channels h w"], Float[Tensor, "batch others h w"]]:
    """Both maps, each averaged to the smaller of the two heights and the smaller of the two widths."""
    size = common_size(student.shape[1:], teacher.shape[1:])
    return averaged(student, size), averaged(teacher, size)


def averaged(
    features: Float[Tensor, "batch channels height width"], size: tuple[int, int]
) -> Float[Tensor, "batch channels h w"]:
    """A map averaged to a height and a width."""
    if features.shape[2:] == size:
        return features
    height, width = features.shape[2:]
    if height % size[0] or width % size[1]:
        return F.adaptive_avg_pool2d(features, size)
    # the same numbers, and unlike the adaptive form's, its gradient on a GPU repeats bit for bit
    return F.avg_pool2d(features, (height // size[0], width // size[1]))


def bridging_convolution(student: Shape, teacher: Shape) -> nn.Module:
    """A convolution from a stage of the student's to the teacher's channels and, within a factor of two, its size.

    3x3 of stride 2 where the student's map is twice the teacher's size, a transposed one of 4x4 and stride 2 where
    it is half, and 1x1 for all other sizes.
    """
    (height, width), (rows, columns) = map_size(student), map_size(teacher)
    if (height, width) == (2 * rows, 2 * columns):
        return nn.Conv2d(student[0], teacher[0], 3, stride=2, padding=1)
    if (2 * height, 2 * width) == (rows, columns):
        return nn.ConvTranspose2d(student[0], teacher[0], 4, stride=2, padding=1)
    return nn.Conv2d(student[0], teacher[0], 1)


def pooled(features: Tensor) -> Float[Tensor, "batch channels"]:
    """A stage's output averaged over its places; a flat output as it is."""
    return features if features.ndim == 2 else features.flatten(2).mean(dim=2)


def places(features: Float[Tensor, "batch channels height width"]) -> Float[Tensor, "places channels"]:
    """Each place of each map as a row, in the order batch, height, width."""
    return features.permute(0, 2, 3, 1).flatten(0, 2)
