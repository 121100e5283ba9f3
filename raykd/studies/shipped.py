"""The studies that ship with raykd, the files of `search_spaces`: found by name, and listed without being executed.

They lie within an installed package, and beside it in a clone.
"""

import ast
from pathlib import Path

DEFAULT_STUDY = "digits"
_FOLDER = "search_spaces"
_PACKAGE = Path(__file__).parents[1]


def shipped_studies() -> dict[str, Path]:
    """Their files, by name."""
    return {file.stem: file for file in sorted((_root() / _FOLDER).glob("[!_]*.py"))}


def find_shipped(named: Path) -> Path | None:
    """The file that is meant by the name of a study, or by a path as it is typed in the clone's folder.

    `ray submit` starts a command in the home folder, and whoever has no clone types what the README has.
    """
    if len(named.parts) == 1 and named.name in (there := shipped_studies()):
        return there[named.name]
    file, in_clone = _root() / named, _root() != _PACKAGE
    may_be_one = named.suffix == ".py" and (in_clone or named.parts[0] == _FOLDER)  # not a file of the package's own
    return file if may_be_one and file.is_file() else None


def first_line(file: Path) -> str:
    """What a study is, by the first line of its docstring."""
    return (ast.get_docstring(ast.parse(file.read_text())) or "").partition("\n")[0]


def sets_study(file: Path) -> bool:
    """Whether a file is Python that sets a variable `study`, as far as its text shows."""
    try:
        body = ast.parse(file.read_text()).body
    except (SyntaxError, ValueError, OSError):
        return False
    targets = [target for node in body if isinstance(node, ast.Assign) for target in node.targets]
    targets += [node.target for node in body if isinstance(node, ast.AnnAssign)]
    return any(isinstance(target, ast.Name) and target.id == "study" for target in targets)


def _root() -> Path:
    """The folder that has `search_spaces`."""
    return _PACKAGE if (_PACKAGE / _FOLDER).is_dir() else _PACKAGE.parent
