"""CIFAR-100, ResNet50 to VGG8: which method suits the pair best, by the reference benchmark's recipe.

See `raykd.studies.published.cifar100`. Published test accuracies: teacher 79.34, student alone 70.36, KD 73.81 %.
The setting of DKD is that of the other pairs of this teacher: this pair has none of its own.
"""

from raykd import Teacher
from raykd.models.four_stage_resnet import FourStageResNet
from raykd.models.vgg import VGG
from raykd.studies.published.cifar100 import benchmark

# One that is there already: raykd.PretrainedTeacher(file="ResNet50_vanilla/ckpt_epoch_240.pth")
teacher = Teacher(model=FourStageResNet(depth=50))

study = benchmark(teacher, VGG(depth=8), dkd=8.0, review_kd=5.0)
