"""`raykd tune --data PATH --student NETWORK`: the study of one's own pictures, written as a file and read from it."""

import argparse
import re
import time
from collections.abc import Callable
from pathlib import Path

from raykd.commands import again
from raykd.errors import AlreadyExistsError
from raykd.planning.study_of import MINUTES, study_of
from raykd.storage.atomic import write_text
from raykd.storage.opening import open_storage
from raykd.studies.source import to_source
from raykd.studies.study import Study
from raykd.studies.study_file import load_study

_FOLDER = "studies"  # in the storage


def own_study(options: argparse.Namespace, say: Callable[[str], None]) -> Study:
    """The study of the pictures that were named; but for a dry run, read from the file that it was written to.

    Raises:
        FileExistsError: there is such a file already.
        UserError: as `study_of`.
    """
    file = Path(options.save_study).expanduser() if options.save_study else None
    if file is not None and file.exists():
        raise AlreadyExistsError(
            f"{file} exists already; choose another name for --save-study, or search it by --study"
        )
    named = options.student.split(",")
    study = study_of(
        data=options.data,
        student=named[0],
        other_students=named[1:],
        pareto=options.pareto,
        teacher=options.teacher,
        teacher_network=options.teacher_network,
        teacher_key=options.teacher_key,
        pretrained=options.pretrained,
        minutes=MINUTES if options.minutes is None else options.minutes,
        epochs=options.epochs,
        size=options.size,
        skip_bad=options.skip_bad,
        slots=options.slots,
        name=_name(options.data),
        say=say,
    )
    if file is None and options.dry_run:
        return study
    if file is None:
        file = open_storage(options.storage).root / _FOLDER / f"{study.name}-{time.strftime('%Y%m%d-%H%M%S')}.py"
        file.parent.mkdir(parents=True, exist_ok=True)
    write_text(file, to_source(study, f"Written by: {again()}"))
    say(f"the study is written to {file}, to be edited and searched by --study")
    return load_study(file)


def _name(data: str) -> str:
    return re.sub(r"[^A-Za-z0-9_-]+", "-", Path(data).expanduser().absolute().stem).strip("-") or "pictures"
