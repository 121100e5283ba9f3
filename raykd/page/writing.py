"""Writes the page of a search into its folder, the same in Markdown beside it, and for TensorBoard its pictures."""

import logging
from collections.abc import Iterable
from pathlib import Path

from raykd.errors import one_line
from raykd.page.board import write_board
from raykd.page.evidence import State, read_evidence
from raykd.page.importance import importances
from raykd.page.looking import look
from raykd.page.markdown import markdown
from raykd.page.page import page
from raykd.storage.atomic import write_text
from raykd.storage.storage import Storage

PAGE, MARKDOWN = "report.html", "report.md"
_LOG = logging.getLogger(__name__)


def write_page(folder: Path, storage: Storage, state: State, types: Iterable[type] = ()) -> None:
    """Draws a search as far as it is, while it runs or afterwards.

    Args:
        storage, state, types: as of `read_evidence`.

    Raises:
        FileNotFoundError, ValueError: as `read_evidence`.
    """
    types = tuple(types)
    evidence = read_evidence(folder, storage, state, types)
    mattered, looks = importances(evidence), look(evidence, types)
    told = markdown(evidence, mattered)
    write_text(folder / MARKDOWN, told)
    write_text(folder / PAGE, page(evidence, mattered, types, looks))
    write_board(folder, (*looks.matrices, *looks.exhibits), told)


def try_to_write_page(folder: Path, storage: Storage, state: State, types: Iterable[type] = ()) -> None:
    """The same at the end of a search, whose result must stand whatever goes wrong in drawing it: that is a warning."""
    try:
        write_page(folder, storage, state, types)
    except Exception as error:
        _LOG.warning("no %s: %s: %s", PAGE, type(error).__name__, one_line(error))
