"""Which tests a change touches, a path a line: for `./check --fast`.

The tests mirror the wings: a change of `raykd/methods/kd.py` touches `tests/methods/test_kd.py`, or all of
`tests/methods` where there is none of its name. A change is what git has seen since the last commit, or else that
commit. Where it touches too much, or something that all tests read, the quick half of the suite is named instead.
"""

import subprocess
import sys
from collections.abc import Iterable
from pathlib import Path

ROOT = Path(__file__).parents[1]
ALWAYS = ("tests/test_layers.py", "tests/test_packaging.py")
QUICK_HALF = (
    "models",
    "ops",
    "space",
    "storage",
    "distributed",
    "evaluation",
    "reporting",
    "runs",
    "commands",
)
MOST = 8  # paths that are still run within two minutes


def touched(changed: Iterable[str], root: Path = ROOT) -> list[str]:
    """The tests of changed files, which are named relative to the project's root."""
    found: set[str] = set()
    for name in changed:
        path = Path(name)
        if path.suffix != ".py" or path.parts[0] not in ("raykd", "tests"):
            continue
        if path.name.startswith("test_"):
            tests = [root / path] if (root / path).exists() else []
        elif path.parts[0] == "tests":
            return quick_half()  # a helper of many tests
        else:
            tests = _tests_of(path, root)
        found |= {str(test.relative_to(root)) for test in tests}
    return sorted(found | set(ALWAYS)) if 0 < len(found) <= MOST else quick_half()


def quick_half() -> list[str]:
    return [*(f"tests/{wing}" for wing in QUICK_HALF), *ALWAYS]


def _tests_of(path: Path, root: Path) -> list[Path]:
    """Those of a file of the package: by its name, or else all of its wing."""
    folder = root.joinpath("tests", *path.parts[1:-1])
    while not folder.is_dir():
        folder = folder.parent
    own = [folder / f"test_{path.stem}.py", *sorted(folder.glob(f"test_{path.stem}_*.py"))]
    return [test for test in own if test.exists()] or ([folder] if folder.name != "tests" else [])


def changed_files() -> list[str]:
    """What git has seen since the last commit, new files too; of a clean tree that commit's own change."""
    now = _git("status", "--porcelain", "--no-renames", "--untracked-files=all")
    return [line[3:] for line in now] or _git("diff", "--name-only", "HEAD~1", "HEAD")


def _git(*words: str) -> list[str]:
    return subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=True).stdout.splitlines()


if __name__ == "__main__":
    sys.stdout.write("\n".join(touched(changed_files())) + "\n")
