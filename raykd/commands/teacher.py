"""`raykd teacher`: the teacher of a study, trained ahead of the searches that share it."""

import argparse
import shlex
from pathlib import Path

from rich.console import Console
from rich.table import Table

from raykd.commands import INTERRUPTED, again
from raykd.distributed.world import World
from raykd.errors import InvalidError
from raykd.protocols.teacher import TeacherRoute, teacher_route
from raykd.reporting.status_line import StatusLine
from raykd.reporting.tensorboard import Board
from raykd.runs.remote_search import prepare_storage
from raykd.space.serialise import fingerprint
from raykd.storage.artifacts import open_store
from raykd.storage.layout import TEACHERS, check_name, check_writable
from raykd.studies.shipped import DEFAULT_STUDY
from raykd.studies.study_file import load_study
from raykd.training.loop import Epoch


def run_teacher(options: argparse.Namespace) -> int:
    """Trains the teacher of a study unless the storage has it, and shows its route; 130 where Ctrl-C stopped it."""
    device = World.current(options.device).device
    study = load_study(options.study or DEFAULT_STUDY)
    recipe, storage = study.recipe, prepare_storage(options.storage, None, resume=False)
    if recipe.teacher is None:
        raise InvalidError(f"the recipe of the study {study.name!r} has no teacher")
    recipe.teacher.check(recipe.data)  # before a folder is made: its data may not be there
    check_name(study.name)
    check_writable(storage.root)
    board = storage.root / TEACHERS / f"{study.name}-{fingerprint((recipe.teacher, recipe.data))[:8]}"
    line, heard = StatusLine(Console(highlight=False, soft_wrap=True)), _Heard(board)

    def say(text: str) -> None:
        heard.keep()  # whatever is said: by then the epoch told of before is kept
        line.status(text)

    try:
        with line:
            route = teacher_route(
                recipe.teacher,
                recipe.data,
                open_store(storage),
                device=device,
                say=say,
                listen=heard,
            )
    except KeyboardInterrupt:
        line.say(f"stopped {heard.progress}; go on with: {again()}")
        return INTERRUPTED
    finally:
        storage.uploader((board, "**/*")).push()
    _show(route, line)
    line.say(f"{'trained; it' if heard.kept else 'it was there already, and'} lies in {route.folder}")
    if board.exists():
        line.say(f"see its training in TensorBoard: tensorboard --logdir {shlex.quote(str(board))}")
    return 0


class _Heard:
    """Writes a training's epochs to TensorBoard as it is told of them, and knows which one can be gone on from."""

    def __init__(self, folder: Path):
        self.kept: Epoch | None = None
        self._folder = folder
        self._last: Epoch | None = None
        self._board: Board | None = None

    def __call__(self, epoch: Epoch) -> None:
        if self._board is None:
            self._board = Board(self._folder, resumed_at=epoch.number - 1)
        self._board.write(epoch)
        self._last = epoch

    @property
    def progress(self) -> str:
        """How far the training has come, of what it can go on from."""
        return f"after {self.kept.number} of {self.kept.epochs} epochs" if self.kept else "before an epoch was kept"

    def keep(self) -> None:
        """The epoch that was told of last can be gone on from."""
        self.kept = self._last


def _show(route: TeacherRoute, line: StatusLine) -> None:
    table = Table("checkpoint", "epoch", "validation accuracy", title="the teacher's route")
    for record in route.records:
        table.add_row(str(record["checkpoint"]), str(record["epoch"]), f"{record['accuracy']:.4f}")
    line.console.print(table)
