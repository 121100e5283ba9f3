"""The public names, in one list: type checkers read it as it stands, and `raykd.__init__` when raykd is imported."""

from raykd.cluster.confirm import confirm as confirm
from raykd.cluster.tune import tune as tune
from raykd.errors import UserError as UserError
from raykd.evaluation.student import accuracy as accuracy
from raykd.models.staged import Staged as Staged
from raykd.planning.study_of import study_of as study_of
from raykd.protocols.teacher import teacher_route as teacher_route
from raykd.recipe import Recipe as Recipe
from raykd.runs.result import Result as Result
from raykd.runs.saved_result import load_result as load_result
from raykd.runs.trial_student import load_student as load_student
from raykd.space.ranges import searched as searched
from raykd.storage.artifacts import Store as Store
from raykd.studies.recipe_file import load_recipe as load_recipe
from raykd.studies.study import Study as Study
from raykd.studies.study_file import load_study as load_study
from raykd.teachers.chains import assistants as assistants
from raykd.teachers.chains import born_again as born_again
from raykd.teachers.distilled import DistilledTeacher as DistilledTeacher
from raykd.teachers.folder import CheckpointFolder as CheckpointFolder
from raykd.teachers.pretrained import PretrainedTeacher as PretrainedTeacher
from raykd.teachers.trained import Teacher as Teacher
from raykd.training.loop import distill as distill

__all__: list[str]
__version__: str
