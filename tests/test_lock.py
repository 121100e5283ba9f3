"""requirements.lock: every package of an installation, with hashes, in versions that agree with each other."""

import re
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from weight import needed

from test_packaging import DEPENDENCIES

TEXT = (Path(__file__).parents[1] / "requirements.lock").read_text()
ENTRIES = re.split(r"^(?=\w)", TEXT, flags=re.M)[1:]
PINS = {canonicalize_name(pin.name): pin for pin in (Requirement(entry.split(" \\\n")[0]) for entry in ENTRIES)}


def version(name: str) -> str:
    (pin,) = PINS[canonicalize_name(name)].specifier
    assert pin.operator == "=="
    return pin.version


def test_each_package_has_one_version_and_the_hashes_of_its_files():
    assert len(PINS) == len(ENTRIES) > 100
    for entry in ENTRIES:
        head, *hashes = entry.strip().split(" \\\n")
        assert hashes, head
        assert all(re.fullmatch(r"    --hash=sha256:[0-9a-f]{64}", line) for line in hashes), head
        assert version(Requirement(head).name)


def test_no_place_is_named_that_packages_come_from():
    assert "://" not in TEXT
    assert re.findall(r"^ *--(?!hash=)", TEXT, re.M) == []


def test_it_has_what_raykd_asks_for_within_its_bounds():
    """Where this fails, the dependencies have changed: make the file anew by the line at its top."""
    for requirement in DEPENDENCIES:
        assert version(requirement.name) in requirement.specifier, requirement


def test_its_versions_agree_with_each_other():
    """As far as they are installed here, what each package says that it needs is there, in a version that it takes."""
    checked = 0
    for name in needed("raykd"):
        if name not in PINS or metadata.version(name) != version(name):
            continue  # newer here: what it needs may have changed
        for line in metadata.requires(name) or []:
            other = Requirement(line)
            if other.marker is None or other.marker.evaluate({"extra": ""}):
                assert version(other.name) in other.specifier, f"{name} needs {other}"
                checked += 1
    assert checked > 50
