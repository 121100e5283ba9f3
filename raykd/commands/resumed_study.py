"""The study of a search to go on with, from the file that its `search.json` names.

That file is executed, so that it, and who named it, must be the caller's own: whoever may write to a storage could else
have others run what he likes. A study that ships with raykd is code that runs here anyway. Where an object store has
the search there are no owners, and whoever may write there is trusted.
"""

import os
import stat
from pathlib import Path

from raykd.errors import InvalidError, MissingError, NotPermittedError
from raykd.runs.remote_search import prepare_storage
from raykd.runs.search_folder import find, read_search
from raykd.storage.layout import SEARCH
from raykd.studies.shipped import DEFAULT_STUDY, find_shipped, shipped_studies
from raykd.studies.study import Study
from raykd.studies.study_file import load_study


def chosen_study(study: str | None, storage: str, resumed: str | None) -> Study:
    """The study that was asked for, or else the one that the resumed search was started with, or the default one.

    Raises:
        FileNotFoundError: the search, or the file that it was started from, is not there.
        PermissionError: the file, or what names it, is another user's, or everybody may write to it.
        ValueError: the search was started without a file.
    """
    if study is not None or resumed is None:
        return load_study(study or DEFAULT_STUDY)
    folder = find(prepare_storage(storage, resumed, resume=True).root, resumed)
    recorded = read_search(folder).file
    if recorded is None:
        raise InvalidError(
            f"the search {resumed!r} was started in Python, not from a file; go on with it there by "
            f"raykd.tune(study, name={resumed!r}, resume=True), or say by --study what file has the study"
        )
    # A cluster's machine, or another environment, may have the studies in another folder than where it was started.
    file = Path(recorded)
    if not file.is_file() and (file := find_shipped(Path(*file.parts[-2:]))) is None:
        raise MissingError(
            f"the search {resumed!r} was started from {recorded}, which is not here; say by --study where it is"
        )
    if file not in shipped_studies().values():
        for one in (folder / SEARCH, file):
            if (problem := why_not_trusted(one)) is not None:
                raise NotPermittedError(
                    f"the search {resumed!r} was started from {file}, which would be executed, and {one} {problem}; "
                    f"look at the file, and say by --study that it is the one"
                )
    return load_study(file)


def why_not_trusted(file: Path) -> str | None:
    """What keeps a file from being taken for the caller's own word, in words that follow its name; None for nothing."""
    found = file.stat()
    if found.st_uid not in (os.geteuid(), 0):
        return "is another user's"
    return "may be written by everybody" if found.st_mode & stat.S_IWOTH else None
