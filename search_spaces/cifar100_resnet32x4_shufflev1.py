"""CIFAR-100, resnet32x4 to ShuffleNetV1: which method suits the pair best, by the reference benchmark's recipe.

See `raykd.studies.published.cifar100`. Published test accuracies: teacher 79.42, student alone 70.50, KD 74.07 %.
"""

from raykd import Teacher
from raykd.models.cifar_resnet import WIDE, ResNet
from raykd.models.shufflenet_v1 import ShuffleNetV1
from raykd.studies.published.cifar100 import benchmark

# One that is there already: raykd.PretrainedTeacher(file="resnet32x4_vanilla/ckpt_epoch_240.pth")
teacher = Teacher(model=ResNet(depth=32, widths=WIDE))

study = benchmark(teacher, ShuffleNetV1(), lr=0.01, dkd=8.0, review_kd=5.0)
