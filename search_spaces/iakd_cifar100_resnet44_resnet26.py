"""CIFAR-100, IAKD's pair resnet44 to resnet26: how the teacher's stages stand in, with and without KD.

The pair and the three schedules are known of the paper, its constants and figures are not (see `raykd.methods.iakd`);
the recipe is the reference benchmark's. Widths are equal, so that stages are swapped as they are; so are those of
resnet56 and resnet110 with any smaller one, of resnet32x4 and resnet8x4, and of WRN-40-2 and WRN-16-2.
"""

import dataclasses

from raykd import Study, Teacher
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.iakd import IAKD
from raykd.methods.kd import KD
from raykd.models.cifar_resnet import ResNet
from raykd.studies.published.cifar100 import recipe_of

recipe = dataclasses.replace(
    recipe_of(Teacher(model=ResNet(depth=44)), ResNet(depth=26)), terms=(CrossEntropy(),), swap=IAKD()
)

study = Study(
    recipe=recipe,
    choices={"terms/kd": {"off": None, "on": KD()}},
    ranges={"optimiser/lr": None, "optimiser/nesterov": None, "optimiser/weight_decay": None},
    first=(
        {"swap/schedule": "review"},
        {"swap/schedule": "growth"},
        {"swap/schedule": "uniform", "swap/start": 0.9},
        {"swap/schedule": "review", "terms/kd": "on"},
    ),
    trials=32,
    grace=160,  # after the rate's first drop: all trials have the teacher's stages in them, and are judged alike
)
