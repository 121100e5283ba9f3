"""CIFAR-100, WRN-40-2 to ShuffleNetV1: which method suits the pair best, by the reference benchmark's recipe.

See `raykd.studies.published.cifar100`. Published test accuracies: teacher 75.61, student alone 70.50, KD 74.83 %.
"""

from raykd import Teacher
from raykd.models.shufflenet_v1 import ShuffleNetV1
from raykd.models.wide_resnet import WRN
from raykd.studies.published.cifar100 import benchmark

# One that is there already: raykd.PretrainedTeacher(file="wrn_40_2_vanilla/ckpt_epoch_240.pth")
teacher = Teacher(model=WRN(depth=40, factor=2))

study = benchmark(teacher, ShuffleNetV1(), lr=0.01, dkd=8.0, review_kd=5.0)
