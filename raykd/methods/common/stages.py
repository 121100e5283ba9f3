"""Which stages of student and teacher the methods that compare features put side by side."""

from raykd.errors import InvalidError
from raykd.protocols.method import Shapes

Pairs = tuple[tuple[int, int], ...]


def check_features(shapes: Shapes) -> None:
    """Raises ValueError unless both networks have stages, whose features can be compared."""
    for whose, stages in (("student", shapes.student), ("teacher", shapes.teacher)):
        if not stages:
            raise InvalidError(f"needs features of the {whose}, which gives class scores alone")


def check_class_scores(shapes: Shapes) -> None:
    """Raises ValueError unless the teacher has scores of the data's classes."""
    if not shapes.teacher_scores:
        raise InvalidError("needs the teacher's scores of the data's classes, and its features alone are asked for")


def check_stage(stage: int, shapes: Shapes) -> None:
    """Raises ValueError unless both networks have the stage, counted from 0, or from the end where negative."""
    check_features(shapes)
    for whose, stages in (("student", shapes.student), ("teacher", shapes.teacher)):
        if not -len(stages) <= stage < len(stages):
            raise InvalidError(f"stage {stage} is not among the {len(stages)} stages of the {whose}")


def teacher_stage(stage: int, shapes: Shapes) -> int:
    """The teacher's stage counted from 0, where a negative one is counted from the end."""
    return range(len(shapes.teacher))[stage]


def stage_pairs(pairs: Pairs, shapes: Shapes) -> Pairs:
    """The stages of student and teacher to compare: `pairs` as given, or each stage with its like where empty.

    Raises:
        ValueError: a stage that a network does not have; or no pairs, and differently many stages.
    """
    check_features(shapes)
    student, teacher = len(shapes.student), len(shapes.teacher)
    if not pairs and student != teacher:
        raise InvalidError(
            f"student and teacher need equally many stages, got {student} and {teacher}; or say which belong "
            f"together, such as pairs=(({student - 1}, {teacher - 1}),)"
        )
    for own, other in pairs:
        if not (-student <= own < student and -teacher <= other < teacher):
            raise InvalidError(
                f"pairs: ({own}, {other}) is not among the {student} stages of the student and {teacher} of the teacher"
            )
    return pairs or tuple((index, index) for index in range(student))
