"""CIFAR-100, WRN-40-2 to WRN-16-2: which method suits the pair best, by the reference benchmark's recipe.

See `raykd.studies.published.cifar100`. Published test accuracies: teacher 75.61, student alone 73.26, KD 74.92 %.
"""

from raykd import Teacher
from raykd.models.wide_resnet import WRN
from raykd.studies.published.cifar100 import benchmark

# One that is there already: raykd.PretrainedTeacher(file="wrn_40_2_vanilla/ckpt_epoch_240.pth")
teacher = Teacher(model=WRN(depth=40, factor=2))

study = benchmark(teacher, WRN(depth=16, factor=2), dkd=6.0, review_kd=5.0)
