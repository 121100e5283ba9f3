"""CIFAR-100, resnet110 to resnet32: which method suits the pair best, by the reference benchmark's recipe.

See `raykd.studies.published.cifar100`. Published test accuracies: teacher 74.31, student alone 71.14, KD 73.08 %.
"""

from raykd import Teacher
from raykd.models.cifar_resnet import ResNet
from raykd.studies.published.cifar100 import benchmark

# One that is there already: raykd.PretrainedTeacher(file="resnet110_vanilla/ckpt_epoch_240.pth")
teacher = Teacher(model=ResNet(depth=110))

study = benchmark(teacher, ResNet(depth=32), dkd=2.0, review_kd=1.0)
