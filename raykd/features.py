"""Stages of student and teacher side by side, as the methods that compare features need them.

Maps that differ in size are averaged to one size, as in the reference benchmark (RepDistiller); embeddings of
several processes are put together, so that what is said of a batch does not depend on their number.
"""

import torch.distributed as dist
from jaxtyping import Float
from torch import Tensor
from torch.nn import functional as F

from raykd.methods import Shapes
from raykd.methods.infoflow import gathered
from raykd.staged import Shape

Pairs = tuple[tuple[int, int], ...]


def as_map(features: Tensor) -> Float[Tensor, "batch channels height width"]:
    """A stage's output as a map; a flat output is a map of 1 x 1."""
    return features[:, :, None, None] if features.ndim == 2 else features


def map_size(shape: Shape) -> tuple[int, int]:
    """Height and width of a stage's output; a flat one is a map of 1 x 1."""
    return (shape[1], shape[2]) if len(shape) == 3 else (1, 1)


def same_size(
    student: Float[Tensor, "batch channels height width"], teacher: Float[Tensor, "batch others rows columns"]
) -> tuple[Float[Tensor, "batch channels h w"], Float[Tensor, "batch others h w"]]:
    """Both maps, each averaged to the smaller of the two heights and the smaller of the two widths."""
    size = (min(student.shape[2], teacher.shape[2]), min(student.shape[3], teacher.shape[3]))
    return _averaged(student, size), _averaged(teacher, size)


def whole_batch(features: Float[Tensor, "n d"], gather: bool) -> Float[Tensor, "m d"]:
    """The features of all processes where there are several and `gather` asks for it, else those given."""
    several = dist.is_available() and dist.is_initialized() and dist.get_world_size() > 1
    return gathered(features) if gather and several else features


def check_stage(stage: int, shapes: Shapes) -> None:
    """Raises ValueError unless both networks have the stage, counted from 0, or from the end where negative."""
    for whose, stages in (("student", shapes.student), ("teacher", shapes.teacher)):
        if not -len(stages) <= stage < len(stages):
            raise ValueError(f"stage {stage} is not among the {len(stages)} stages of the {whose}")


def stage_pairs(pairs: Pairs, shapes: Shapes) -> Pairs:
    """The stages of student and teacher to compare: `pairs` as given, or each stage with its like where empty.

    Raises:
        ValueError: a stage that a network does not have; or no pairs, and differently many stages.
    """
    student, teacher = len(shapes.student), len(shapes.teacher)
    if not pairs and student != teacher:
        raise ValueError(
            f"student and teacher need equally many stages, got {student} and {teacher}; or say which belong "
            f"together, such as pairs=(({student - 1}, {teacher - 1}),)"
        )
    for own, other in pairs:
        if not (-student <= own < student and -teacher <= other < teacher):
            raise ValueError(
                f"pairs: ({own}, {other}) is not among the {student} stages of the student and {teacher} of the teacher"
            )
    return pairs or tuple((index, index) for index in range(student))


def _averaged(features: Tensor, size: tuple[int, int]) -> Tensor:
    if features.shape[2:] == size:
        return features
    height, width = features.shape[2:]
    if height % size[0] or width % size[1]:
        return F.adaptive_avg_pool2d(features, size)
    # the same numbers, and unlike the adaptive form's, its gradient on a GPU repeats bit for bit
    return F.avg_pool2d(features, (height // size[0], width // size[1]))
