"""ImageNet, ResNet50 to MobileNet: which method suits the pair best; see `raykd.published.imagenet`.

The student is torchvision's MobileNetV2. The papers' is a MobileNetV1, also where they call it V2, so that their
figures (KD 70.50 %, mdistiller) are not to be compared with; their settings are where the search begins.
"""

from raykd import PretrainedTeacher
from raykd.models.torchvision import Torchvision
from raykd.published.imagenet import benchmark

ROOT = "data/imagenet"

# torchvision's weights are downloaded when they are first needed; or name a file of them: weights="resnet50.pth"
teacher = PretrainedTeacher(file=None, model=Torchvision(name="resnet50", weights="IMAGENET1K_V1"))

study = benchmark(teacher, Torchvision(name="mobilenet_v2"), root=ROOT, dkd=2.0, review_kd=8.0)
