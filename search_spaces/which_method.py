"""Which method suits my data? Every method in turn, alone beside the labels, then more trials of those that do well.

Put your own data and networks into the recipe. The data may be a folder of pictures, such as

    ImageFolder(root="~/pictures", frame=Frame(resize=64, size=64), in_memory=True)   # raykd.data.image_folder

and a teacher that you have is a `PretrainedTeacher`. Methods that cannot work on the networks are left out: FSP needs
equal widths, IAKD maps of equal sizes. Methods start at their published settings, as far as these suit a small set;
the searched ranges around them are wide, as most published weights belong to CIFAR-100.
"""

from optuna.distributions import IntDistribution

from raykd import Recipe, Teacher
from raykd.data.digits import Digits
from raykd.methods.ab import AB
from raykd.methods.common.first_stage import FirstStage
from raykd.methods.crd import CRD
from raykd.methods.fsp import FSPStart
from raykd.methods.ft import FT
from raykd.methods.iakd import IAKD, WITHOUT_DROPS
from raykd.methods.infoflow import InfoFlow
from raykd.methods.quest import Quest
from raykd.models.cnn import CNN
from raykd.optim import SGD, Cosine
from raykd.studies.published import PLAIN_KD, alone, methods, one_method

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

short = FirstStage(epochs=6, batch_size=BATCH)
fitted = {
    "quest": alone(Quest(words=64)),
    "crd": alone(CRD(negatives=256)),
    "ft": alone(FT(first_stage=short)),
    "ab": alone(start=AB(first_stage=short)),
    "fsp": alone(start=FSPStart(first_stage=short)),
    "infoflow": alone(InfoFlow(weight=100.0)),
    "iakd": alone(swap=IAKD(schedule="growth")),
}

study = one_method(
    recipe,
    methods() | fitted,
    recipe.shapes(),
    ranges={
        "terms/quest/words": IntDistribution(16, 1024, log=True),
        "terms/crd/negatives": IntDistribution(64, 1024, log=True),
        "swap/schedule": WITHOUT_DROPS,
        "optimiser/nesterov": None,
    },
    trials=72,
)
