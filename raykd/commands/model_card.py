"""The model card of a student: what it is, how good, what it costs, how to load it."""

from collections.abc import Mapping
from typing import Any

from raykd.evaluation.cost import Cost
from raykd.models.torchvision import Torchvision
from raykd.runs.standalone import Student
from raykd.runs.student_file import STUDENT

_MOST_CLASSES = 40


def model_card(student: Student, cost: Cost, difference: float, *, takes_bytes: bool) -> str:
    """A page of Markdown.

    Args:
        cost: of its network, measured.
        difference: the largest one of a probability, between onnxruntime and PyTorch.
        takes_bytes: whether the exported files take pixels from 0 to 255.
    """
    facts, preparation = student.facts, student.preparation
    channels, height, width = preparation.shape
    shown = ", ".join(student.classes[:_MOST_CLASSES]) + (", ..." if len(student.classes) > _MOST_CLASSES else "")
    cut = f" to a shorter side of {preparation.resize}, the middle cut out" if preparation.resize else ""
    size = f"{channels} channel{'s' if channels > 1 else ''}, {height} x {width} pixels"
    parts = [
        "# A distilled image classifier",
        f"- network: `{_name(facts['model'])}`, {cost.parameters:,} parameters, {cost.multiply_adds:,} multiply-adds",
        f"- classes ({len(student.classes)}): {shown}",
        f"- images: {size}, resized{cut}; normalised by mean {preparation.mean} and deviation {preparation.std} on the "
        "scale 0 to 1",
        f"- trained on: `{_name(facts['recipe']['data'])}`",
        f"- taught by: `{_teacher(facts['recipe'])}`",
        f"- by: {', '.join(_name(term) for term in facts['recipe']['terms'])}",
        f"- made with: {', '.join(f'{name} {number}' for name, number in facts['versions'].items())}",
        "",
        "## How good it is",
        *_how_good(facts),
        "",
        "## What it costs",
        f"On {cost.device}, {cost.threads} thread(s), PyTorch: "
        + ", ".join(f"{took:.2f} ms for a batch of {size}" for size, took in cost.latency_ms.items())
        + " (medians).",
        "",
        "## How to use it",
        *_how_to_use(student, difference, takes_bytes),
    ]
    return "\n".join(parts) + "\n"


def _how_good(facts: Mapping[str, Any]) -> list[str]:
    accuracy = facts.get("accuracy") or {}
    lines = [f"- {split} accuracy: {100 * value:.1f} %" for split, value in accuracy.items() if value is not None]
    if facts.get("verdict"):
        lines.append(f"- the search says: {facts['verdict']}")
    return lines or ["Not measured."]


def _how_to_use(student: Student, difference: float, takes_bytes: bool) -> list[str]:
    takes = "pixels from 0 to 255 as float32" if takes_bytes else "images normalised as above"
    shape = ", ".join(map(str, student.preparation.shape))
    lines = [
        "```python",
        "import raykd",
        f'student = raykd.load_student("{STUDENT}")',
        'student.predict(["photo.jpg"])  # probabilities (images, classes)',
        "```",
        "",
        f"`student.onnx` and `student.pt2` take {takes}, of shape (batch, {shape}), and "
        f"give probabilities; ONNX differs by at most {difference:.1e} from PyTorch.",
    ]
    if isinstance(student.model, Torchvision):
        lines += [
            "",
            "Without raykd, in torchvision:",
            "",
            "```python",
            "from safetensors.torch import load_file",
            "from torchvision.models import get_model",
            f'network = get_model("{student.model.name}", num_classes={len(student.classes)})',
            f'network.load_state_dict(load_file("{STUDENT}"))',
            "```",
        ]
    return lines


def _teacher(recipe: Mapping[str, Any]) -> str:
    teacher = recipe.get("teacher")
    if not teacher:
        return "labels alone"
    return f"{_name(teacher)} of {_name(teacher.get('model') or teacher.get('recipe', {}).get('student', {}))}"


def _name(component: Mapping[str, Any]) -> str:
    """A component of a recipe's JSON, with its numbers and words, but not what lies deeper."""
    plain = {key: value for key, value in component.items() if isinstance(value, str | int | float | list)}
    rest = ", ".join(f"{key}={value}" for key, value in plain.items() if key not in ("type", "root", "file", "cache"))
    return f"{component.get('type', 'none')}({rest})"
