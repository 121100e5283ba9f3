"""ImageNet, ResNet50 to MobileNet: which method suits the pair best; see `raykd.studies.published.imagenet`.

The student is MobileNetV1, as in the papers, also where they call it V2. Published test accuracies: KD 70.50 and
DKD 72.05 % (mdistiller), DIST 73.24 %.
"""

from raykd import PretrainedTeacher
from raykd.models.mobilenet_v1 import MobileNetV1
from raykd.models.torchvision import Torchvision
from raykd.studies.published.imagenet import benchmark

ROOT = "data/imagenet"

# torchvision's weights are downloaded when they are first needed; or name a file of them: weights="resnet50.pth"
teacher = PretrainedTeacher(file=None, model=Torchvision(name="resnet50", weights="IMAGENET1K_V1"))

study = benchmark(teacher, MobileNetV1(), root=ROOT, dkd=2.0, review_kd=8.0, review_kd_channels=256, ofd=1e-4)
