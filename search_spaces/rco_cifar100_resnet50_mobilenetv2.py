"""CIFAR-100, RCO's student MobileNetV2(6, 0.5) and a ResNet50: which anchors on the teacher's route it should follow.

The paper has +2.14 points over KD for this student on CIFAR-100; what is known of its set-up, and what is a
reconstruction, stands in `raykd.methods.rco`. The recipe is the reference benchmark's, so that all trials have as many
epochs as plain KD. The route needs a teacher's checkpoints: one that is trained here, or a folder of them,
`raykd.CheckpointFolder(folder="ResNet50_vanilla", pattern="ckpt_epoch_*.pth")`.
"""

import dataclasses

from raykd import Study, Teacher
from raykd.methods.rco import EqualInterval, Greedy
from raykd.models.four_stage_resnet import FourStageResNet
from raykd.models.mobilenet_v2 import MobileNetV2
from raykd.studies.published.cifar100 import recipe_of

teacher = Teacher(model=FourStageResNet(depth=50), every=10)
plain = recipe_of(teacher, MobileNetV2(expansion=6, width=0.5), lr=0.01)

study = Study(
    recipe=dataclasses.replace(plain, route=EqualInterval()),
    choices={"route": {"equal interval": EqualInterval(), "greedy": Greedy()}},
    ranges={"optimiser/nesterov": None, "optimiser/weight_decay": None},
    first=({}, {"route/restart": True}, {"route": "greedy"}, {"route": "greedy", "route/restart": True}),
    trials=32,
)
