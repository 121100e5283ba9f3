"""`raykd board`: TensorBoard over what a storage has for it, and nothing else.

TensorBoard would call the runs of a storage `NAME/tensorboard/TRIAL`, and walk through all artefacts to find them. It
is given a folder of links instead, by the names of the searches; of a single search, its own folder of runs.
"""

import argparse
import contextlib
import shlex
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from raykd.commands import called, say
from raykd.commands.opened_storage import OpenedStorage, open_storage
from raykd.errors import FailureError, InvalidError, MissingError
from raykd.runs.remote_search import bring_boards
from raykd.storage.layout import BOARD, CONFIRMATION_BOARD, TEACHERS

_EVERY_S = 10.0


def run_board(options: argparse.Namespace) -> int:
    """Serves on loopback until it is interrupted.

    Raises:
        FileNotFoundError: there is nothing to show.
        ValueError: no port.
        RuntimeError: TensorBoard did not start, such as where the port is taken.
    """
    if not 0 <= options.port < 2**16:
        raise InvalidError(f"--port must be 0 to {2**16 - 1}, got {options.port}")
    with open_storage(options.folder) as opened, tempfile.TemporaryDirectory(prefix="raykd-board-") as made:
        shown = _shown(opened, CONFIRMATION_BOARD if options.confirmation else BOARD)
        _serve(_linked(shown, Path(made)), options.port, opened, shown)
    return 0


def _shown(opened: OpenedStorage, board: str) -> dict[str, Path]:
    """The folders of runs, by the name of the search or the run that they are of; that of one alone has no name.

    Raises:
        FileNotFoundError: there is none.
    """
    folder = opened.folder
    if (folder / board).is_dir():
        return {"": folder / board}
    found = {path.parent.name: path for path in sorted(folder.glob(f"*/{board}")) if path.is_dir()}
    if board == BOARD and (folder / TEACHERS).is_dir():
        found[TEACHERS] = folder / TEACHERS
    if not found:
        start = shlex.join([*called(), "tune", "--storage", opened.name(folder)])
        raise MissingError(f"no {board} in {opened.shown(folder)}; {start} starts a search")
    return found


def _linked(shown: dict[str, Path], folder: Path) -> Path:
    """A folder that has those, by their names."""
    if list(shown) == [""]:
        return shown[""]
    for name, path in shown.items():
        (folder / name).symlink_to(path.absolute())
    return folder


def _serve(folder: Path, port: int, opened: OpenedStorage, shown: dict[str, Path]) -> None:
    command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--host", "127.0.0.1"]
    with subprocess.Popen([*command, "--port", str(port)], stderr=subprocess.PIPE, text=True) as server:
        try:
            say(f"{_address(server)}; Ctrl-C ends it")
            while True:
                with contextlib.suppress(subprocess.TimeoutExpired):
                    raise FailureError(f"TensorBoard has ended with code {server.wait(_EVERY_S)}")
                with contextlib.suppress(OSError):  # the storage is away for a while
                    bring_boards(opened.storage, shown.values())
        finally:
            server.terminate()


def _address(server: "subprocess.Popen[str]") -> str:
    """What TensorBoard says of where it serves; what else it says is read on and dropped.

    Raises:
        RuntimeError: it has ended, with the last that it said.
    """
    assert server.stderr is not None
    last = ""
    for line in server.stderr:
        if "http://" in line:
            threading.Thread(target=server.stderr.read, daemon=True).start()
            return line.partition(" (")[0].strip()
        last = line.strip() or last
    raise FailureError(f"TensorBoard did not start: {last}")
