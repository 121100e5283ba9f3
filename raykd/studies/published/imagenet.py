"""Distillation on ImageNet, as the papers run it: 100 epochs of batches of 256, with large images.

SGD with momentum 0.9, weight decay 1e-4 and a learning rate of 0.1 that falls to a tenth after epochs 30, 60 and 90;
random resized crops and flips. The published settings of KD, attention transfer, DKD and ReviewKD are mdistiller's
(which for all but ReviewKD has batches of 512 and a rate of 0.2), DIST's and QUEST's are their authors'.

FT's are torchdistill's for ResNet34 to ResNet18, and OFD's its authors' for ResNet50 to MobileNet: each takes part
where it belongs.

What differs: a tenth of the training images is held out, for the search to see. QUEST's and OFD's authors take
Nesterov's momentum; torchdistill trains for 90 epochs, and FT with a translator without batch normalisation.
ReviewKD's students give their maps before their ReLU, MobileNet in mdistiller's code and ResNet18 in the authors', and
here after it. Left out: CRD, whose similarities of a batch with all 1.2 million images take more than a gigabyte
in each step; Tf-KD, which torchdistill runs with ResNet18 as its own teacher, at temperature 1 and KD's weight 0.9, as
a pair's study has one teacher for all; and the methods that have no published setting for ImageNet.
"""

import dataclasses

from raykd.data.image_folder import ImageFolder
from raykd.methods.common.first_stage import FirstStage
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.dist import DIST
from raykd.methods.dkd import DKD
from raykd.methods.ft import FT
from raykd.methods.kd import KD
from raykd.methods.ofd import OFD
from raykd.methods.review_kd import ReviewKD
from raykd.models.torchvision import Torchvision
from raykd.optim import SGD, Constant, Step
from raykd.protocols.model import ModelSpec
from raykd.protocols.teacher import TeacherSpec
from raykd.recipe import Recipe
from raykd.studies.published import alone, methods, one_method, shapes_of
from raykd.studies.study import Study

NUM_CLASSES, IMAGE, NUM_IMAGES = 1000, (3, 224, 224), 1_153_050
_WITHOUT_SETTING_OF_THEIR_OWN = ("attention", "quest", "iakd", "rco")
_WARM_UP = 1 / 100
_PARAPHRASER = FirstStage(epochs=1, batch_size=256, optimiser=SGD(lr=0.01, weight_decay=1e-4, schedule=Constant()))


def benchmark(
    teacher: TeacherSpec,
    student: ModelSpec,
    *,
    root: str,
    dkd: float,
    review_kd: float,
    review_kd_channels: int = 512,
    ft: float | None = None,
    ofd: float | None = None,
) -> Study:
    """A pair's study: which method, around its published setting.

    Args:
        teacher: a teacher such as `Teacher` or `PretrainedTeacher`; RCO takes part where it has several checkpoints.
        student: the network.
        root: the folder that has ImageNet's `train` and `val`, each with a folder for each class.
        dkd: DKD's published beta for the pair.
        review_kd: ReviewKD's published weight for the pair.
        review_kd_channels: and its most channels of a fusion.
        ft, ofd: the published weights of these for the pair; None leaves them out.
    """
    recipe = Recipe(
        data=ImageFolder(root=root),
        student=student,
        teacher=teacher,
        terms=(CrossEntropy(weight=0.5), KD(weight=0.5, temperature=1.0)),
        optimiser=SGD(lr=0.1, weight_decay=1e-4, schedule=Step(milestones=(0.3, 0.6, 0.9))),
        epochs=100,
        batch_size=256,
    )
    options = {name: group for name, group in methods().items() if name in _WITHOUT_SETTING_OF_THEIR_OWN} | {
        "kd": {},
        "dkd": alone(DKD(beta=dkd, temperature=1.0, warm_up=_WARM_UP)),
        "dist": alone(DIST(temperature=1.0)),
        "review_kd": alone(ReviewKD(weight=review_kd, warm_up=_WARM_UP, max_channels=review_kd_channels)),
    }
    if ft is not None:
        options["ft"] = alone(FT(weight=ft, first_stage=_PARAPHRASER))
    if ofd is not None:
        options["ofd"] = alone(OFD(weight=ofd))
    known = {"num_images": NUM_IMAGES, "num_checkpoints": teacher.num_checkpoints}
    shapes = shapes_of(student, _fresh(teacher.model), IMAGE, NUM_CLASSES, **known)
    # A confirmation would be 25 more trainings of GPU-days each: `raykd confirm` does it, when it is worth that.
    return one_method(recipe, options, shapes, ranges={"optimiser/nesterov": None}, trials=24, reduction=3, confirm=0)


def _fresh(model: ModelSpec) -> ModelSpec:
    """The network without its weights, which need not be here yet."""
    return dataclasses.replace(model, weights=None) if isinstance(model, Torchvision) else model
