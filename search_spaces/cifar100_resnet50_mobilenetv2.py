"""CIFAR-100, ResNet50 to MobileNetV2: which method suits the pair best, by the reference benchmark's recipe.

See `raykd.studies.published.cifar100`. Published test accuracies: teacher 79.34, student alone 64.60, KD 67.35 %.
"""

from raykd import Teacher
from raykd.models.four_stage_resnet import FourStageResNet
from raykd.models.mobilenet_v2 import MobileNetV2
from raykd.studies.published.cifar100 import benchmark

# One that is there already: raykd.PretrainedTeacher(file="ResNet50_vanilla/ckpt_epoch_240.pth")
teacher = Teacher(model=FourStageResNet(depth=50))

study = benchmark(teacher, MobileNetV2(expansion=6, width=0.5), lr=0.01, dkd=8.0, review_kd=5.0)
