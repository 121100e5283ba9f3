"""Nothing runs upwards, and nothing in a circle: the imports of raykd's files, read from their syntax trees.

Imports within functions and under TYPE_CHECKING count as all others do. A wing is a folder of `raykd/`, or a file that
lies right in it.
"""

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]

# From the ground up. A wing imports from lower floors only, so not from another one of its own floor.
FLOORS = (
    {"errors", "signals"},
    {"storage", "distributed"},
    {"models", "space"},
    {"ops", "optim"},
    {"data"},
    {"protocols", "evaluation"},
    {"methods", "reporting"},
    {"recipe"},
    {"studies", "training"},
    {"teachers", "runs"},
    {"page"},
    {"cluster"},
    {"planning"},
    {"commands"},
    {"__init__", "__main__", "testing"},
)


def modules(root: Path) -> dict[str, Path]:
    """Every file of the package, by the name that it is imported by."""
    found: dict[str, Path] = {}
    for path in sorted((root / "raykd").rglob("*.py")):
        parts = path.relative_to(root).with_suffix("").parts
        found[".".join(parts[:-1] if parts[-1] == "__init__" else parts)] = path
    return found


def imports(path: Path, known: dict[str, Path]) -> Iterator[str]:
    """The modules of the package that a file imports, wherever in it."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (name.name for name in node.names if name.name in known)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: a relative import"
            for name in node.names:
                full = f"{node.module}.{name.name}"
                if full in known:
                    yield full
                elif node.module in known:
                    yield node.module


def graph(root: Path) -> dict[str, set[str]]:
    known = modules(root)
    return {name: set(imports(path, known)) - {name} for name, path in known.items()}


def upward(edges: dict[str, set[str]]) -> list[str]:
    """The imports that do not go down to a lower floor, in words that name both files."""
    floors = {wing: number for number, wings in enumerate(FLOORS) for wing in wings}
    found: list[str] = []
    for importer, targets in edges.items():
        for target in sorted(targets):
            here, there = wing(importer), wing(target)
            if here != there and floors[here] <= floors[there]:
                found.append(f"{file(importer)} imports {file(target)}: {here} does not lie above {there}")
    return found


def circle(edges: dict[str, set[str]]) -> list[str]:
    """The files of a circle in the order of their imports, the first one again at the end; [] where there is none."""
    done: set[str] = set()

    def walk(name: str, above: list[str]) -> list[str]:
        if name in above:
            return [file(each) for each in [*above[above.index(name) :], name]]
        if name in done:
            return []
        for target in sorted(edges[name]):
            if found := walk(target, [*above, name]):
                return found
        done.add(name)
        return []

    return next((found for name in edges if (found := walk(name, []))), [])


def wing(module: str) -> str:
    return [*module.split("."), "__init__"][1]


def file(module: str) -> str:
    return module.replace(".", "/") + ("/__init__.py" if (ROOT / module.replace(".", "/")).is_dir() else ".py")


def test_no_import_runs_upwards():
    assert upward(graph(ROOT)) == []


def test_no_imports_run_in_a_circle():
    assert circle(graph(ROOT)) == []


def test_every_wing_has_a_floor():
    assert {wing(name) for name in modules(ROOT)} == set().union(*FLOORS)


def test_few_modules_lie_flat():
    flat = [path.name for path in (ROOT / "raykd").glob("*.py") if not path.name.startswith("__")]
    assert len(flat) <= 7, flat


@pytest.mark.parametrize(
    "line",
    [
        "from raykd.cluster.tune import tune",
        "def f():\n    import raykd.cluster.tune",
        "if A:\n    from raykd.cluster import tune",
    ],
)
def test_a_forbidden_import_is_found_wherever_it_stands(line: str, tmp_path: Path):
    for name, text in {"ops/low": line, "cluster/tune": "", "cluster/__init__": ""}.items():
        (tmp_path / "raykd" / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / "raykd" / f"{name}.py").write_text(text)
    (found,) = upward(graph(tmp_path))
    assert found.startswith("raykd/ops/low.py imports raykd/cluster/tune.py")


def test_a_circle_is_found_and_named(tmp_path: Path):
    (tmp_path / "raykd").mkdir()
    for name, target in {"a": "b", "b": "c", "c": "b"}.items():
        (tmp_path / "raykd" / f"{name}.py").write_text(f"def f():\n    from raykd.{target} import x\n")
    assert circle(graph(tmp_path)) == ["raykd/b.py", "raykd/c.py", "raykd/b.py"]
