"""CIFAR-100, VGG13 to MobileNetV2: which method suits the pair best, by the reference benchmark's recipe.

See `raykd.studies.published.cifar100`. Published test accuracies: teacher 74.64, student alone 64.60, KD 67.37 %.
QUEST's authors take VGG13's features before their ReLU, `VGG(depth=13, activated=False)`; here all methods share those
after it.
"""

from raykd import Teacher
from raykd.models.mobilenet_v2 import MobileNetV2
from raykd.models.vgg import VGG
from raykd.studies.published.cifar100 import benchmark

# One that is there already: raykd.PretrainedTeacher(file="vgg13_vanilla/ckpt_epoch_240.pth")
teacher = Teacher(model=VGG(depth=13))

study = benchmark(teacher, MobileNetV2(expansion=6, width=0.5), lr=0.01, dkd=6.0, review_kd=5.0)
