"""What raykd does with odd files among one's own pictures: each case by itself, and all harmless ones together.

Claim: each odd picture is read as its right bytes, or told in a line that names it, before anything is trained.

    python benchmarks/odd_files.py [--only WORDS] [--save]

Sixteen pictures of each of three of scikit-learn's digits, as PNG of 64 pixels, are the folder that each case puts
something into. Then runs what `raykd tune --data photos --teacher cnn.pth --student cnn` runs before it starts Ray: it
finds the pictures, plans a study and measures an epoch. Each runs in a process of its own. Of pictures that are read it
is measured how far their bytes, as a network sees them, are from those that they were made of. The last line counts
what went as it should.
"""

import argparse
import io
import json
import os
import pwd
import signal
import sys
import tempfile
import traceback
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import Any

import numpy as np
import torch
from odd_broken import files
from odd_case import SIDE, Case
from odd_folders import folders, remains
from odd_kinds import deep, kinds
from PIL import Image
from record import Record
from sklearn.datasets import load_digits

from raykd.commands import run_with_clear_errors
from raykd.commands.own_study import own_study
from raykd.commands.parsers import make_parser, tune
from raykd.data.formats.file_names import shown
from raykd.data.image_folder import ImageFolder
from raykd.models.cnn import CNN

EACH = 16
_CLOSE = {".jpg": 8, ".jpeg": 8, ".avif": 8}  # levels of 255 that formats with losses may be off
_ALWAYS = ("data: ", "splits: ", "sizes: ", "seen as: ", "teacher: ", "methods: ", "left out: ")
_SECONDS = 120


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", default="", metavar="WORDS", help="cases with these words in their names")
    parser.add_argument("--save", action="store_true", help="keep the record in benchmarks/results")
    options = parser.parse_args()
    record = Record("odd_files")
    record.say("")
    record.say("odd | what raykd did")
    wrong: list[str] = []
    cases = [case for case in (*deep(), *kinds(), *files(), *remains(), *folders()) if options.only in case.name]
    for case in cases:
        outcome, lines = tried(case)
        fault = judged(case, outcome)
        wrong += [case.name] if fault else []
        record.say(f"{case.name} | {lines}{f' | WRONG: {fault}' if fault else ''}")
    record.say("")
    record.say(f"cases {len(cases)}, as they should {len(cases) - len(wrong)}")
    if options.save:
        print(record.save())


def tried(case: Case) -> tuple[dict[str, Any], str]:
    """What came of a case, and that in words."""
    with tempfile.TemporaryDirectory() as temporary:
        folder = Path(temporary)
        folder.chmod(0o755)
        write_photos(folder / "photos")
        truth = case.put(folder / "photos")
        num_classes = 4 if case.more == EACH else 3  # some bring a class of their own
        torch.save(CNN().build(num_classes, (3, SIDE, SIDE)).network.state_dict(), folder / "cnn.pth")
        (folder / "out").mkdir()
        (folder / "out").chmod(0o777)
        outcome = in_a_child(folder, case, truth)
        for locked in folder.rglob("one"):
            locked.chmod(0o755)
    told = [line.replace(f"{folder}/", "") for line in outcome["lines"]]  # as the folder is called where it is typed
    lines = [line for line in told if not line.startswith(_ALWAYS) and " minutes: " not in line]
    differs = "" if outcome["differs"] is None else f"its bytes differ by at most {outcome['differs']}"
    return outcome, "; ".join(filter(None, [outcome["read"], differs, *map(repr, lines)]))


def judged(case: Case, outcome: dict[str, Any]) -> str:
    """What is wrong about an outcome; nothing where it is as it should be."""
    if outcome["rc"] not in (0, 1):
        return f"ended with {outcome['rc']}"
    if (outcome["rc"] == 1) != (case.more is None):
        return "refused" if outcome["rc"] else "not refused"
    if case.says not in " ".join(outcome["lines"]):
        return f"it should say: {case.says}"
    if case.more is None:
        return "" if len(outcome["errors"]) == 1 else f"{len(outcome['errors'])} lines of errors"
    if outcome["pictures"] != 3 * EACH + case.more:
        return f"{outcome['pictures']} pictures instead of {3 * EACH + case.more}"
    return "" if not outcome["far"] else "other bytes than it was made of"


def write_photos(root: Path) -> None:
    digits: Any = load_digits()  # a Bunch, whose fields no type tells
    for number, name in ((0, "zero"), (1, "one"), (4, "four")):
        (root / name).mkdir(parents=True)
        for count, index in enumerate(np.flatnonzero(digits.target == number)[:EACH]):
            image = Image.fromarray((digits.images[index] * 15.9).astype(np.uint8))
            image.resize((SIDE, SIDE), Image.Resampling.BICUBIC).save(root / name / f"{count:02d}.png")


def in_a_child(folder: Path, case: Case, truth: dict[str, Any]) -> dict[str, Any]:
    """Runs it in a process of its own, which a fault cannot leave this one in."""
    child = os.fork()
    if child == 0:
        try:
            found = _run(folder, case, truth)
        except BaseException:
            found = {"rc": "a traceback", "lines": [traceback.format_exc()[-300:]]}
        empty = {"read": "", "differs": None, "far": False, "errors": [], "pictures": 0}
        (folder / "out/found.json").write_text(json.dumps(empty | found))
        os._exit(0)
    os.waitpid(child, 0)
    return json.loads((folder / "out/found.json").read_text())


def _run(folder: Path, case: Case, truth: dict[str, Any]) -> dict[str, Any]:
    signal.alarm(_SECONDS)  # ends this process where it hangs
    if case.as_nobody and os.getuid() == 0:
        os.setgid(pwd.getpwnam("nobody").pw_gid)
        os.setuid(pwd.getpwnam("nobody").pw_uid)
    os.environ["HOME"] = str(folder / "out")
    os.chdir(folder)
    words = ["--data", "photos", "--teacher", "cnn.pth", "--student", "cnn", "--minutes", "3", "--slots", "2"]
    sys.argv = ["raykd", "tune", *words, *case.words, "--dry-run"]
    out, errors, studies = io.StringIO(), io.StringIO(), []

    def command() -> int:
        studies.append(own_study(make_parser(tune).parse_args(sys.argv[2:]), print))
        return 0

    with redirect_stdout(out), redirect_stderr(errors):
        rc = run_with_clear_errors(command)
    said = {"out": out.getvalue().splitlines(), "errors": errors.getvalue().splitlines()}
    found: dict[str, Any] = {"rc": rc, "lines": [*said["out"], *said["errors"]], "errors": said["errors"]}
    if rc:
        return found
    data = studies[0].recipe.data
    assert isinstance(data, ImageFolder)
    found["pictures"] = sum(len(split) for split in data.splits(data.survey()).values())
    differs = [(name, _difference(data, name, wanted)) for name, wanted in truth.items()]
    if differs:
        name, most = max(differs, key=lambda pair: pair[1])
        found |= {"differs": most, "far": most > _CLOSE.get(Path(name).suffix.lower(), 1)}
    found["read"] = f"{found['pictures']} pictures" if found["pictures"] != 3 * EACH else "the 48 others are read"
    return found


def _difference(data: ImageFolder, name: str, wanted: np.ndarray) -> int:
    """How far a picture's bytes, as a network sees them, are from others, at most."""
    for split in data.splits(data.survey()).values():
        if name in split.images.names:
            ((_, seen),) = split.images.read([torch.tensor([split.images.names.index(name)])])
            return int(np.abs(seen[0].permute(1, 2, 0).numpy().astype(float) - wanted).max())
    raise KeyError(shown(name))


if __name__ == "__main__":
    main()
