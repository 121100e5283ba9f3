"""CIFAR-100, resnet56 to resnet20: which method suits the pair best, by the reference benchmark's recipe.

See `raykd.studies.published.cifar100`. Published test accuracies: teacher 72.34, student alone 69.06, KD 70.66 %.
"""

from raykd import Teacher
from raykd.models.cifar_resnet import ResNet
from raykd.studies.published.cifar100 import benchmark

# One that is there already: raykd.PretrainedTeacher(file="resnet56_vanilla/ckpt_epoch_240.pth")
teacher = Teacher(model=ResNet(depth=56))

study = benchmark(teacher, ResNet(depth=20), dkd=2.0, review_kd=0.6)
