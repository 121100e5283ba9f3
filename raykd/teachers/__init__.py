"""Where a run's teacher comes from, each kind a frozen dataclass in a file of its own.

* `trained.Teacher` is trained with labels alone;
* `pretrained.PretrainedTeacher` is a file of weights that somebody has;
* `folder.CheckpointFolder` is a folder of checkpoints that somebody's training has left;
* `distilled.DistilledTeacher` is the student of another recipe; `chains` strings such teachers together.

Whatever the kind, a teacher gives a route: a checkpoint every few epochs, with its accuracy; of a single file it has
one checkpoint. A route is an artefact: made once, by one process while others wait, and shared by every trial of
every search in the same storage.
"""

from raykd.protocols.teacher import TeacherRoute, TeacherSpec, teacher_route
from raykd.teachers.trained import Teacher

__all__ = ["Teacher", "TeacherRoute", "TeacherSpec", "teacher_route"]
