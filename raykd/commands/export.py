"""`raykd export`: a student as ONNX, as torch.export's file, and its model card."""

import argparse
import contextlib
import io
import logging
import warnings
from pathlib import Path

import torch
from rich.console import Console
from torch import Tensor, nn

from raykd.commands.model_card import model_card
from raykd.commands.predict import files
from raykd.data.dataset import load
from raykd.errors import AlreadyExistsError, MissingError, UserError
from raykd.evaluation.cost import cost
from raykd.recipe import Recipe
from raykd.runs.standalone import Student
from raykd.runs.trial_student import load_student, student_folder
from raykd.space.serialise import decode
from raykd.space.writing import at_home
from raykd.storage.atomic import write, write_text

ONNX, EXPORTED, CARD = "student.onnx", "student.pt2", "MODEL_CARD.md"
_COMPARED = 64  # pictures


class _Probabilities(nn.Module):
    """What is exported: probabilities of the classes."""

    def __init__(self, student: Student, takes_bytes: bool):
        super().__init__()
        self.network = student.network
        shape = (len(student.preparation.mean), 1, 1)
        self.takes_bytes = takes_bytes
        self.mean = nn.Buffer(torch.tensor(student.preparation.mean).reshape(shape))
        self.std = nn.Buffer(torch.tensor(student.preparation.std).reshape(shape))

    def forward(self, images: Tensor) -> Tensor:
        if self.takes_bytes:
            images = (images / 255.0 - self.mean) / self.std
        return self.network(images).softmax(dim=1)


def run_export(options: argparse.Namespace) -> int:
    """Writes the three files and says how well they agree with PyTorch."""
    onnxruntime = _runtime()
    console = Console(highlight=False, markup=False, soft_wrap=True)
    given = Path(options.student).expanduser()
    if options.trial is not None:
        given = student_folder(given, options.trial)
    student = load_student(given)
    folder = Path(options.to).expanduser() if options.to else given if given.is_dir() else given.parent
    if there := [name for name in (ONNX, EXPORTED, CARD) if (folder / name).exists() and not options.force]:
        raise AlreadyExistsError(
            f"{folder / there[0]} exists already; --force writes over it, --to names another place"
        )
    folder.mkdir(parents=True, exist_ok=True)
    images, whose = _pictures(student, options.check)
    network = _Probabilities(student, options.bytes).eval()
    example = images.float() if options.bytes else student.preparation.normalise(images)
    with torch.inference_mode():
        expected = network(example)
    # From two images, as torch.export takes a size of 1 for a constant.
    exported = torch.export.export(network, (example[:2].clone(),), dynamic_shapes=({0: torch.export.Dim("batch")},))
    write(folder / EXPORTED, lambda path: torch.export.save(exported, path))
    write(folder / ONNX, lambda path: path.write_bytes(_onnx(exported)))
    session = onnxruntime.InferenceSession(str(folder / ONNX), providers=["CPUExecutionProvider"])
    (answered,) = session.run(None, {session.get_inputs()[0].name: example.numpy()})
    difference = float((torch.from_numpy(answered) - expected).abs().max())
    measured = cost(student.network, student.preparation.shape)
    write_text(folder / CARD, model_card(student, measured, difference, takes_bytes=options.bytes))
    console.print(f"{folder / ONNX}: for batches of any size")
    console.print(f"    probabilities differ by at most {difference:.1e} from PyTorch's, on {len(images)} {whose}")
    console.print(f"{folder / EXPORTED}: torch.export.load('{EXPORTED}').module()")
    latency = ", ".join(f"{took:.2f} ms for {size}" for size, took in measured.latency_ms.items())
    console.print(
        f"{folder / CARD}: {measured.parameters:,} parameters, {measured.multiply_adds:,} multiply-adds, {latency}"
    )
    return 0


def _runtime():
    try:
        import onnx  # noqa: F401 # pyright: ignore[reportUnusedImport]
        import onnxruntime
        import onnxscript  # noqa: F401 # pyright: ignore[reportUnusedImport]
    except ModuleNotFoundError as error:
        raise MissingError(f"export needs {error.name}: pip install 'raykd[export]'") from None
    return onnxruntime


def _pictures(student: Student, named: list[str]) -> tuple[Tensor, str]:
    """Pictures to compare on, and in words which."""
    if named:
        chosen = list(files(named))[:_COMPARED]
        return student.preparation.images(chosen), "pictures that were named"
    try:
        recipe = at_home(decode(student.facts["recipe"]))
        assert isinstance(recipe, Recipe)
        dataset = load(recipe.data, torch.device("cpu"))
        indices = torch.arange(min(_COMPARED, len(dataset.validation)))
        batches = [images for _, images in dataset.validation.read([indices])]
        return torch.cat(batches), "validation images"
    except UserError:
        shape = student.preparation.shape
        noise = torch.randint(256, (_COMPARED, *shape), dtype=torch.uint8, generator=torch.Generator().manual_seed(0))
        return noise, "images of noise, as the data set is not here; name pictures by --check"


def _onnx(exported: torch.export.ExportedProgram) -> bytes:
    """The program in ONNX, one file with its weights."""
    with warnings.catch_warnings(), contextlib.redirect_stdout(io.StringIO()):  # it tells of its steps
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            exported, dynamo=True, input_names=["images"], output_names=["probabilities"], verbose=False
        )
    assert program is not None
    return program.model_proto.SerializeToString()
