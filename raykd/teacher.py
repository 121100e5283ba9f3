"""The teacher that is trained with labels alone, and the way to any teacher's route; see `raykd.teachers`."""

from raykd.teachers import TeacherRoute, TeacherSpec, train_teacher
from raykd.teachers.trained import Teacher

__all__ = ["Teacher", "TeacherRoute", "TeacherSpec", "train_teacher"]
