"""CIFAR-100, VGG13 to VGG8: which method suits the pair best, by the reference benchmark's recipe.

See `raykd.studies.published.cifar100`. Published test accuracies: teacher 74.64, student alone 70.36, KD 72.98 %.
QUEST's authors take VGG's features before their ReLU: `VGG(depth=13, activated=False)`, and VGG8 alike.
"""

from raykd import Teacher
from raykd.models.vgg import VGG
from raykd.studies.published.cifar100 import benchmark

# One that is there already: raykd.PretrainedTeacher(file="vgg13_vanilla/ckpt_epoch_240.pth")
teacher = Teacher(model=VGG(depth=13))

study = benchmark(teacher, VGG(depth=8), dkd=6.0, review_kd=5.0, quest=2.0)
