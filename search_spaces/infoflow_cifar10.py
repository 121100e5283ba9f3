"""CIFAR-10, the information-flow paper's retrieval: a ResNet-18, an auxiliary teacher and a student of 15,050 numbers.

The base recipe is the authors' (arXiv 2005.00727): no labels reach the student, whose classifier stays untrained. So
train it alone and measure its embeddings:

    raykd distill --study infoflow_cifar10 --name infoflow
    raykd evaluate infoflow --measure retrieval --test

Their figures, mAP by cosine in %: teacher 90.47, auxiliary 66.78, student on labels alone 39.00, proposed 53.06. Here
5,000 training images are held out of training, and one optimiser lasts for the whole run.

A search compares classification on the validation split: to that end it may put the labels beside the method.
"""

from raykd import Recipe, Study, Teacher
from raykd.data.cifar import CIFAR10
from raykd.methods.common.auxiliary import Auxiliary
from raykd.methods.cross_entropy import CrossEntropy
from raykd.methods.infoflow import InfoFlow
from raykd.models.information_flow import InformationFlowCNN
from raykd.models.preactivation_resnet import PreactivationResNet
from raykd.optim import Adam, Step

BATCH = 128

teacher = Teacher(
    model=PreactivationResNet(depth=18),
    epochs=80,
    batch_size=BATCH,
    optimiser=Adam(lr=1e-3, schedule=Step(milestones=(50 / 80,))),
)

recipe = Recipe(
    data=CIFAR10(
        mean=tuple(value / 255 for value in (125.3, 123.0, 113.9)),
        std=tuple(value / 255 for value in (63.0, 62.1, 66.7)),
    ),
    student=InformationFlowCNN(width=8),
    teacher=teacher,
    terms=(InfoFlow(auxiliary=Auxiliary(model=InformationFlowCNN(width=16), batch_size=BATCH)),),
    optimiser=Adam(lr=1e-3),
    epochs=50,
    batch_size=BATCH,
)

study = Study(
    recipe=recipe,
    choices={"terms/cross_entropy": {"off": None, "on": CrossEntropy()}},
    first=({"terms/cross_entropy": "on", "terms/infoflow/weight": 1e3},),
    trials=24,
    grace=50,  # early epochs form all layers, later ones the last: the critical period says little of the end
)
