"""The reference benchmark of distillation on CIFAR-100, as RepDistiller (arXiv 1910.10699) and mdistiller run it.

240 epochs of batches of 64, SGD with momentum 0.9 and weight decay 5e-4, a learning rate of 0.05 (0.01 for students of
the MobileNet and ShuffleNet families) that falls to a tenth after epochs 150, 180 and 210; random crops and flips.
Every method starts at its published setting. Teachers are trained by the same recipe.

What differs: 5,000 of the 50,000 training images are held out, for the search to see; the published runs train on
all, and report the test accuracy of the last epoch (RepDistiller) or of the best one (mdistiller). QUEST's authors take
Nesterov's momentum and reflected borders; here all methods share one recipe. Stages are those of
`raykd.models`, so that features end where QUEST takes them, but for VGG13, whose features it takes before their ReLU
(`VGG(depth=13, activated=False)`); for wide residual networks, MobileNetV2 and ShuffleNetV2 after RepDistiller's.
First stages have RepDistiller's rates: the student's, and FT's paraphraser 0.01 beside residual networks.
"""

import dataclasses

from raykd.data.cifar import CIFAR100
from raykd.methods.ab import AB
from raykd.methods.common.first_stage import FirstStage
from raykd.methods.dkd import DKD
from raykd.methods.ft import FT
from raykd.methods.review_kd import ReviewKD
from raykd.models.vgg import VGG
from raykd.optim import SGD, Constant
from raykd.protocols.model import ModelSpec
from raykd.protocols.teacher import TeacherSpec
from raykd.recipe import Recipe
from raykd.studies.published import PLAIN_KD, QUEST, alone, methods, one_method, shapes_of
from raykd.studies.study import Study

NUM_CLASSES, IMAGE, NUM_IMAGES = 100, (3, 32, 32), 45_000


def recipe_of(teacher: TeacherSpec, student: ModelSpec, lr: float = 0.05) -> Recipe:
    """The benchmark's recipe with plain KD, for a teacher and a student's network and learning rate."""
    return Recipe(
        data=CIFAR100(),
        student=student,
        teacher=teacher,
        terms=PLAIN_KD,
        optimiser=SGD(lr=lr),  # and else the defaults, which are the benchmark's
        epochs=240,
        batch_size=64,
    )


def benchmark(
    teacher: TeacherSpec,
    student: ModelSpec,
    *,
    lr: float = 0.05,
    dkd: float = 8.0,
    review_kd: float = 5.0,
    quest: float = 1.0,
) -> Study:
    """A pair's study: which method, around its published setting.

    Args:
        teacher: a teacher such as `Teacher` or `PretrainedTeacher`; RCO takes part where it has several checkpoints.
        student: the network.
        lr: the student's learning rate.
        dkd: DKD's published beta for the pair.
        review_kd: ReviewKD's published weight for the pair.
        quest: QUEST's published weight for the pair.
    """
    recipe = recipe_of(teacher, student, lr)
    published = {
        "dkd": DKD(beta=dkd),
        "review_kd": ReviewKD(weight=review_kd),
        "quest": dataclasses.replace(QUEST, weight=quest),
        "ft": FT(first_stage=_first_stage(lr if isinstance(student, VGG) else 0.01)),
    }
    options = methods() | {name: alone(term) for name, term in published.items()}
    options |= {"ab": alone(start=AB(first_stage=_first_stage(lr)))}
    known = {"num_images": NUM_IMAGES, "num_checkpoints": teacher.num_checkpoints}
    shapes = shapes_of(student, teacher.model, IMAGE, NUM_CLASSES, **known)
    # The first rung, epoch 160, is after the learning rate's first drop, before which little can be said.
    return one_method(recipe, options, shapes, ranges={"optimiser/nesterov": None}, trials=64, reduction=3)


def _first_stage(lr: float) -> FirstStage:
    return FirstStage(optimiser=SGD(lr=lr, schedule=Constant()))
