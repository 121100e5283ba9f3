"""ImageNet, ResNet34 to ResNet18: which method suits the pair best; see `raykd.studies.published.imagenet`.

Published test accuracies: teacher 73.31, student alone 69.76, KD 71.03 (mdistiller) or 71.37
(torchdistill), FT 71.56 % (torchdistill).
"""

from raykd import PretrainedTeacher
from raykd.models.torchvision import Torchvision
from raykd.studies.published.imagenet import benchmark

ROOT = "data/imagenet"

# torchvision's weights are downloaded when they are first needed; or name a file of them: weights="resnet34.pth"
teacher = PretrainedTeacher(file=None, model=Torchvision(name="resnet34", weights="IMAGENET1K_V1"))

study = benchmark(teacher, Torchvision(name="resnet18"), root=ROOT, dkd=0.5, review_kd=1.0, ft=1000.0)
