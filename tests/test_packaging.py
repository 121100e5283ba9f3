"""What the project's own files promise: dependencies, where Ray is known, sizes, the cluster file."""

import ast
import importlib
import os
import re
import subprocess
import sys
import tomllib
import zipfile
from importlib import metadata
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

ROOT = Path(__file__).parents[1]
PROJECT: dict[str, Any] = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
DEPENDENCIES = [Requirement(line) for line in PROJECT["dependencies"]]
EXTRAS = [Requirement(line) for extra in ("export", "timm") for line in PROJECT["optional-dependencies"][extra]]
TOOLS = [Requirement(line) for extra in ("dev", "docs") for line in PROJECT["optional-dependencies"][extra]]
OURS = {"raykd", "launch", "search_spaces", "benchmarks"}


def python_files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def imported(path: Path) -> set[str]:
    """The modules that a file imports, anywhere in it, by their full names."""
    names: set[str] = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            names |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.level == 0:
            names.add(node.module or "")
            names |= {f"{node.module}.{alias.name}" for alias in node.names}  # which may be modules too
    return names


def test_conda_installs_the_same():
    entries = yaml.safe_load((ROOT / "environment.yml").read_text())["dependencies"]
    assert f"python{PROJECT['requires-python']}" in entries
    (pip,) = (entry["pip"] for entry in entries if isinstance(entry, dict))
    assert pip[-1] == "--editable ."
    assert [Requirement(line) for line in pip[:-1]] == DEPENDENCIES


def test_a_machine_without_a_gpu_installs_all_but_faiss():
    lines = (ROOT / "requirements-cpu.txt").read_text().splitlines()
    light = [Requirement(line) for line in lines if not line.startswith("#")]
    assert light == [requirement for requirement in DEPENDENCIES if requirement.name != "faiss-gpu"]
    assert len(light) == len(DEPENDENCIES) - 1


def test_faiss_is_imported_only_where_it_is_used():
    """So that an installation may lack it: no import at the top of a file, and one file that has any."""
    users = [path for path in python_files("raykd") if "faiss" in imported(path)]
    assert users == [ROOT / "raykd/ops/kmeans.py"]
    code = "import sys, raykd.methods.quest, raykd.evaluation.report; assert 'faiss' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_what_builds_the_site_is_there_for_the_tests():
    extras = PROJECT["optional-dependencies"]
    assert set(extras["docs"]) <= set(extras["dev"])


def test_the_installed_command_is_there():
    assert list(PROJECT["scripts"]) == ["raykd"]
    module, _, function = PROJECT["scripts"]["raykd"].partition(":")
    assert callable(getattr(importlib.import_module(module), function))


@pytest.mark.parametrize("requirement", DEPENDENCIES + EXTRAS, ids=lambda requirement: requirement.name)
def test_dependency_has_both_bounds(requirement: Requirement):
    assert sorted(bound.operator for bound in requirement.specifier) == ["<", ">="]


@pytest.mark.parametrize("requirement", TOOLS, ids=lambda requirement: requirement.name)
def test_tool_is_pinned(requirement: Requirement):
    assert [bound.operator for bound in requirement.specifier] == ["=="]


@pytest.mark.parametrize("requirement", DEPENDENCIES + EXTRAS, ids=lambda requirement: requirement.name)
def test_these_tests_run_within_the_bounds(requirement: Requirement):
    if requirement.marker is None or requirement.marker.evaluate():
        assert metadata.version(requirement.name) in requirement.specifier


def test_what_is_imported_is_declared():
    declared = {canonicalize_name(requirement.name) for requirement in DEPENDENCIES + EXTRAS}
    providers = metadata.packages_distributions()
    for path in python_files("raykd", "launch", "search_spaces", "benchmarks"):
        tools = {canonicalize_name(tool.name) for tool in TOOLS if path.is_relative_to(ROOT / "benchmarks")}
        for module in sorted({name.split(".")[0] for name in imported(path)} - OURS - sys.stdlib_module_names):
            distributions = {canonicalize_name(name) for name in providers.get(module, [module])}
            if path.parent.name in OURS and (path.parent / f"{module}.py").exists():
                continue  # a script's neighbour
            assert distributions & (declared | tools), (
                f"{path.relative_to(ROOT)} imports {module}, which is no dependency"
            )


def test_ray_is_imported_in_one_package_only():
    users = {
        path.relative_to(ROOT / "raykd").parts[0]
        for path in python_files("raykd")
        if any(name.split(".")[0] == "ray" for name in imported(path))
    }
    assert users <= {"cluster"}


def test_ray_tune_is_imported_in_one_folder_only():
    """All that bends Tune lies there; what it leans on is named in the folder's `__init__.py`."""
    users = {
        path.relative_to(ROOT).parent.as_posix()
        for path in python_files("raykd")
        if any(name == "ray.tune" or name.startswith("ray.tune.") for name in imported(path))
    }
    assert users == {"raykd/cluster/tuner"}


def test_an_installed_package_brings_its_studies(tmp_path: Path):
    """Built and unpacked as `pip install .` does it, and used from an empty folder."""
    build = [sys.executable, "-m", "hatchling", "build", "--target", "wheel", "--directory", str(tmp_path)]
    subprocess.run(build, check=True, cwd=ROOT, capture_output=True)
    (wheel,) = tmp_path.glob("raykd-*.whl")
    site, empty = tmp_path / "site", tmp_path / "empty"
    zipfile.ZipFile(wheel).extractall(site)
    empty.mkdir()

    def python(*words: str) -> str:
        call, env = [sys.executable, *words], os.environ | {"PYTHONPATH": str(site)}
        return subprocess.run(call, cwd=empty, env=env, check=True, capture_output=True, text=True).stdout

    assert python("-c", "import raykd; print(raykd.__file__)").strip() == str(site / "raykd" / "__init__.py")
    listed = [line.split()[0] for line in python("-m", "raykd", "tune", "--list").splitlines()]
    assert sorted(listed) == sorted(path.stem for path in (ROOT / "search_spaces").glob("*.py"))
    found = "import raykd; print(raykd.load_study('digits') == raykd.load_study('search_spaces/digits.py'))"
    assert python("-c", found) == "True\n"
    assert {file.name for file in (site / "raykd/page/assets").iterdir()} == {"page.css", "page.html", "page.js"}
    assert (site / "raykd" / "py.typed").is_file()  # and the stub, which has been read by now


def test_importing_raykd_does_not_import_ray():
    code = "import raykd.training.loop, sys; assert 'ray' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True, cwd=ROOT)


def test_the_loop_stays_small():
    text = (ROOT / "raykd" / "training" / "loop.py").read_text()
    (loop,) = (node for node in ast.parse(text).body if isinstance(node, ast.FunctionDef) and node.name == "distill")
    assert loop.end_lineno is not None
    assert loop.end_lineno - loop.lineno + 1 <= 100
    assert len(text.splitlines()) <= 200


def test_files_and_functions_stay_small():
    long: list[str] = []
    for path in (ROOT / "raykd").rglob("*.py"):
        text = path.read_text()
        long += [str(path)] if len(text.splitlines()) > 200 else []
        functions = [node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef)]
        long += [f"{path}: {f.name}" for f in functions if (f.end_lineno or f.lineno) - f.lineno + 1 > 60]
    assert long == []


def git(*words: str) -> str:
    """What git says of the project; the test is skipped where it is no repository."""
    ended = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
    if ended.returncode == 128:
        pytest.skip("not a git repository")
    assert ended.returncode in (0, 1), ended.stderr  # 1: no file is ignored
    return ended.stdout


def test_no_file_names_somebodys_home():
    home = re.compile(rb"(?<![\w~.])/(?:home|root|Users)/\w+")
    listed = git("ls-files", "-z", "--cached", "--others", "--exclude-standard")
    paths = [ROOT / name for name in listed.split("\0") if name]
    assert [str(path) for path in paths if path.is_file() and home.search(path.read_bytes())] == []


def test_the_environments_of_the_readme_are_no_part_of_the_project():
    """Lint and tests look at every file that git does not ignore, and an environment has tens of thousands."""
    names = re.findall(r"-m venv (\S+)", (ROOT / "README.md").read_text())
    assert len(names) == 2
    folders = [f"{name}/" for name in names]
    assert git("check-ignore", *folders).split() == folders
