"""Do the four methods go together? All sixteen subsets of them beside labels and KD, then more trials of good ones.

The first trials are the subsets at their defaults, which is a fair comparison as it stands; put your own data and
networks into the recipe, as in `which_method.py`.
"""

import itertools

from optuna.distributions import IntDistribution

from raykd import Recipe, Study, Teacher
from raykd.data.digits import Digits
from raykd.methods.common.auxiliary import Auxiliary
from raykd.methods.iakd import IAKD, WITHOUT_DROPS, NoSwap
from raykd.methods.infoflow import InfoFlow
from raykd.methods.quest import Quest
from raykd.methods.rco import EqualInterval, FinalTeacher
from raykd.models.cnn import CNN
from raykd.optim import SGD, Cosine
from raykd.studies.published import PLAIN_KD

EPOCHS = 24
BATCH = 32

recipe = Recipe(
    data=Digits(),
    student=CNN(widths=(4, 8, 12)),
    teacher=Teacher(
        model=CNN(widths=(16, 32, 64)), epochs=24, every=2, batch_size=BATCH, optimiser=SGD(schedule=Cosine())
    ),
    terms=PLAIN_KD,
    optimiser=SGD(schedule=Cosine()),
    epochs=EPOCHS,
    batch_size=BATCH,
)

infoflow = InfoFlow(weight=100.0, auxiliary=Auxiliary(model=CNN(widths=(8, 16, 24)), epochs=12, pretrain_epochs=12))
choices = {
    "terms/quest": {"off": None, "on": Quest(words=64)},
    "terms/infoflow": {"off": None, "on": infoflow},
    "route": {"off": FinalTeacher(), "rco": EqualInterval()},
    "swap": {"off": NoSwap(), "iakd": IAKD(schedule="growth")},
}

study = Study(
    recipe=recipe,
    ranges={
        "terms/quest/words": IntDistribution(16, 1024, log=True),
        "swap/schedule": WITHOUT_DROPS,
        "optimiser/nesterov": None,
    },
    choices=choices,
    first=tuple(dict(zip(choices, subset, strict=True)) for subset in itertools.product(*choices.values())),
    trials=32,
)
