"""CIFAR-100, resnet110 to resnet20: which method suits the pair best, by the reference benchmark's recipe.

See `raykd.studies.published.cifar100`. Published test accuracies: teacher 74.31, student alone 69.06, KD 70.67 %.
The settings of DKD and ReviewKD are those of resnet110 with resnet32: this pair has none of its own.
"""

from raykd import Teacher
from raykd.models.cifar_resnet import ResNet
from raykd.studies.published.cifar100 import benchmark

# One that is there already: raykd.PretrainedTeacher(file="resnet110_vanilla/ckpt_epoch_240.pth")
teacher = Teacher(model=ResNet(depth=110))

study = benchmark(teacher, ResNet(depth=20), dkd=2.0, review_kd=1.0)
