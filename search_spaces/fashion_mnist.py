"""Fashion-MNIST: 28x28 grey pixels, a small student, all four methods and KD beside the labels.

For a laptop: 10,000 of the training images; `limit=None` takes all. Debian's package `dataset-fashion-mnist` has the
files, and `FashionMNIST(download=True)` gets them.
"""

from optuna.distributions import IntDistribution

from raykd import Recipe, Study, Teacher
from raykd.data.fashion_mnist import FashionMNIST
from raykd.methods.common.auxiliary import Auxiliary
from raykd.methods.iakd import IAKD, WITHOUT_DROPS, NoSwap
from raykd.methods.infoflow import InfoFlow
from raykd.methods.kd import KD
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval, FinalTeacher
from raykd.models.cnn import CNN
from raykd.optim import SGD, Cosine
from raykd.studies.published import PLAIN_KD

EPOCHS = 10
BATCH = 64
student = CNN(widths=(4, 8, 16))

recipe = Recipe(
    # At 80 % of correct answers 5,000 images have a standard error of 0.57 points.
    data=FashionMNIST(limit=10_000, validation=5_000),
    student=student,
    teacher=Teacher(
        model=CNN(widths=(16, 32, 64)),
        epochs=10,
        every=1,
        batch_size=BATCH,
        optimiser=SGD(schedule=Cosine()),
    ),
    terms=PLAIN_KD,
    optimiser=SGD(schedule=Cosine()),
    epochs=EPOCHS,
    batch_size=BATCH,
)

infoflow = InfoFlow(auxiliary=Auxiliary(model=CNN(widths=(8, 16, 32)), epochs=6, pretrain_epochs=6))

study = Study(
    recipe=recipe,
    ranges={
        "terms/quest/words": IntDistribution(16, 1024, log=True),
        "swap/schedule": WITHOUT_DROPS,
        "optimiser/nesterov": None,
    },
    choices={
        "terms/kd": {"on": KD(weight=0.9), "off": None},
        "terms/quest": {"off": None, "on": Quest(words=256)},
        "terms/infoflow": {"off": None, "on": infoflow},
        "route": {"final teacher": FinalTeacher(), "equal interval": EqualInterval()},
        "swap": {"off": NoSwap(), "iakd": IAKD(schedule="growth")},
    },
    first=(
        {},
        {"terms/quest": "on"},
        {"terms/infoflow": "on"},
        {"terms/quest": "on", "terms/cross_entropy/weight": 1.0, "terms/kd": "off"},
        {"terms/infoflow": "on", "terms/cross_entropy/weight": 1.0, "terms/kd": "off"},
        {"swap": "iakd", "terms/cross_entropy/weight": 1.0, "terms/kd": "off"},
        {"route": "equal interval"},
    ),
    trials=16,
    sizes={  # of a search of two goals alone (--pareto)
        "student": {
            f"widths {width} to {4 * width}": CNN(widths=(width, 2 * width, 4 * width)) for width in (2, 4, 6, 8, 12)
        },
        "student/convolutions": IntDistribution(1, 2),
    },
)
