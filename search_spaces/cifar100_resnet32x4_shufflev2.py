"""CIFAR-100, resnet32x4 to ShuffleNetV2: which method suits the pair best, by the reference benchmark's recipe.

See `raykd.studies.published.cifar100`. Published test accuracies: teacher 79.42, student alone 71.82, KD 74.45 %.
"""

from raykd import Teacher
from raykd.models.cifar_resnet import WIDE, ResNet
from raykd.models.shufflenet_v2 import ShuffleNetV2
from raykd.studies.published.cifar100 import benchmark

# One that is there already: raykd.PretrainedTeacher(file="resnet32x4_vanilla/ckpt_epoch_240.pth")
teacher = Teacher(model=ResNet(depth=32, widths=WIDE))

study = benchmark(teacher, ShuffleNetV2(), lr=0.01, dkd=8.0, review_kd=8.0)
