"""The pages on what raykd leans on in Ray and Optuna say all of it, and name tests that there are."""

import ast
import importlib
import inspect
import re
import tomllib
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from types import ModuleType

import pytest
from packaging.requirements import Requirement

import raykd.cluster
import raykd.cluster.tuner

ROOT = Path(__file__).parents[2]
CLUSTER = ROOT / "raykd" / "cluster"
TESTED_RAY = "2.60"
FILES = sorted(path for path in CLUSTER.rglob("*.py") if path.name != "__init__.py")
OWNERS = ("self", "cls")


def is_private(name: str) -> bool:
    return any(part.startswith("_") and not part.startswith("__") for part in name.split("."))


def imported(tree: ast.Module) -> Iterator[str]:
    """What a file imports of others, by full names."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module != "__future__":
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def defined(tree: ast.Module) -> Iterator[str]:
    """What a file gives names to: functions, variables, and attributes of its own objects."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            yield node.name
        elif isinstance(node, ast.Name) and isinstance(node.ctx, ast.Store):
            yield node.id
        elif isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Store) and is_owner(node.value):
            yield node.attr


def is_owner(node: ast.expr) -> bool:
    """Whether an attribute of this is one of the class that the code stands in."""
    of = node.func if isinstance(node, ast.Call) else node  # `type(self)`, but `super()` is another
    return isinstance(of, ast.Name) and of.id in (*OWNERS, "type")


def reached(tree: ast.Module) -> Iterator[str]:
    """Attributes of objects that are not a file's own, and those of its own that it has inherited."""
    own = set(defined(tree))
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and not (is_owner(node.value) and node.attr in own):
            yield f".{node.attr}"


def overridden(file: Path) -> Iterator[str]:
    """Methods of others that a file's classes override."""
    module = importlib.import_module(".".join(file.relative_to(ROOT).with_suffix("").parts))
    for each in vars(module).values():
        if inspect.isclass(each) and each.__module__ == module.__name__:
            methods = (name for name, value in vars(each).items() if inspect.isfunction(value))
            yield from (f".{name}" for name in methods if any(hasattr(base, name) for base in each.__mro__[1:]))


def page_of(file: Path) -> tuple[str, str]:
    """The page that a file's private names stand on, and how the file is called there."""
    if file.parent.name == "tuner":
        return raykd.cluster.tuner.__doc__ or "", file.name
    return raykd.cluster.__doc__ or "", file.relative_to(CLUSTER).as_posix()


def sections(page: str) -> dict[str, str]:
    """What a page says of each file."""
    parts = re.split(r"^([\w/]+\.py): ", page, flags=re.MULTILINE)[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


@pytest.mark.parametrize("file", FILES, ids=lambda file: file.relative_to(CLUSTER).as_posix())
def test_what_is_private_to_others_is_named_on_the_page(file: Path):
    tree = ast.parse(file.read_text())
    others = (name for name in imported(tree) if not name.startswith("raykd."))
    touched = {name for name in (*others, *reached(tree), *overridden(file)) if is_private(name)}
    page, called = page_of(file)
    words = re.findall(r"(?<![\w./])[\w.]+(?![\w.]*::)", sections(page).get(called, ""))
    private = {word for word in words if is_private(word)}
    named = {word if word.startswith(("ray.", "optuna.")) else f".{word.split('.')[-1]}" for word in private}
    assert touched - named == set(), f"{called} touches them; say on the page why, and which test would break"
    assert named - touched == set(), f"{called} touches them no more; take them off the page"


@pytest.mark.parametrize("page", [raykd.cluster, raykd.cluster.tuner], ids=lambda page: page.__name__)
def test_the_page_names_files_and_tests_that_there_are(page: ModuleType):
    assert page.__file__ is not None
    said = page.__doc__ or ""
    assert [name for name in sections(said) if not (Path(page.__file__).parent / name).is_file()] == []
    named = re.findall(r"([\w/]+\.py)::(\w+)", said)
    assert len(named) >= len(sections(said))
    for file, test in named:
        functions = ast.parse((ROOT / "tests" / "cluster" / file).read_text()).body
        assert test in {node.name for node in functions if isinstance(node, ast.FunctionDef)}, file


def test_this_ray_is_the_one_that_was_tested():
    """pyproject.toml lets in one release more than this, so that a user may be ahead of us; these tests may not."""
    there = ".".join(metadata.version("ray").split(".")[:2])
    tests = sorted(
        {
            f"tests/cluster/{name}"
            for page in (raykd.cluster, raykd.cluster.tuner)
            for name in re.findall(r"([\w/]+\.py)::", page.__doc__ or "")
        }
    )
    assert there == TESTED_RAY, (
        f"Ray {there} is installed, and raykd was tested with {TESTED_RAY}. Read raykd/cluster/tuner/__init__.py and "
        f"raykd/cluster/__init__.py, which name what raykd leans on in Ray and the test that each would break first; "
        f"then run\n  python -m pytest -m '' {' '.join(tests)}\nWhen they pass, and the whole suite does, set "
        f"TESTED_RAY here to {there}, and the upper bound of ray in pyproject.toml and environment.yml one release "
        f"further."
    )


def test_the_bound_on_ray_is_one_release_ahead_of_what_is_tested():
    lines = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["dependencies"]
    (ray,) = (line for line in map(Requirement, lines) if line.name == "ray")
    major, minor = map(int, TESTED_RAY.split("."))
    assert str(ray.specifier) == f"<{major}.{minor + 2},>={major}.{minor}.0"
