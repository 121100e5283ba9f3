"""The licences of all that an installation brings: permissive ones, but for those that stand here by name."""

import re
from importlib import metadata

from weight import needed

NAMES = sorted(needed("raykd") | needed("timm") | needed("onnxscript") | needed("onnxruntime") | {"onnx", "timm"})
PERMISSIVE = re.compile(
    r"MIT(-0|-CMU| License)?|(0|[23]-Clause )?BSD(-[23]-Clause| License)?|3-Clause BSD License|Zlib|CC0-1\.0|BSL-1\.0|"
    r"Apache([ -]2\.0| Software License| License(, Version 2\.0)?|-2\.0 WITH LLVM-exception)?|"
    r"PSF-2\.0|Python Software Foundation License"
)
# MPL-2.0 binds whoever changes these packages' own files, and nobody who uses them.
WEAK = {"certifi": ("MPL-2.0", "Mozilla Public License 2.0 (MPL 2.0)"), "tqdm": ("MPL-2.0 AND MIT",)}
UNSAID = {"cuda-toolkit"}  # NVIDIA's too: it holds no file but its own description, and asks for the others
NVIDIA = re.compile(r"LicenseRef-NVIDIA-Proprietary|Other/Proprietary License|NVIDIA Proprietary Software|Apache 2\.0")


def licence(name: str) -> str:
    """What a package says of itself: an expression, a classifier, or a word in the field of old."""
    told = metadata.metadata(name)
    if expressions := told.get_all("License-Expression"):
        return expressions[0]
    classifiers = [line for line in told.get_all("Classifier") or [] if line.startswith("License :: ")]
    named = [line.rpartition(" :: ")[2] for line in classifiers]
    return " OR ".join(named) or (told.get_all("License") or [""])[0].partition("\n")[0]


def is_permissive(expression: str) -> bool:
    parts = re.split(r" AND | OR ", expression)
    return all(PERMISSIVE.fullmatch(part.strip("()")) for part in parts)


def test_all_packages_may_be_used_freely():
    odd = {name: found for name in NAMES if not is_permissive(found := licence(name))}
    theirs = {name for name in odd if name.startswith("nvidia-") and NVIDIA.fullmatch(odd[name])} | UNSAID
    weak = {name for name in odd if odd[name] in WEAK.get(name, ())}
    assert {name: found for name, found in odd.items() if name not in theirs | weak} == {}


def test_what_is_not_permissive_is_found():
    assert not is_permissive("GPL-3.0-only")
    assert not is_permissive("MIT AND LGPL-2.1-only")
    assert not is_permissive("")
