"""A real-time clock that jumps under running processes, for them alone; their steady clocks go on as they are.

clock.c says how, and what it leaves out.
"""

import os
import shutil
import subprocess
import sys
from pathlib import Path

_SOURCE = Path(__file__).with_suffix(".c")


class Clock:
    """The clock of all processes that are started with its `environment`, and of theirs.

    Args:
        folder: where its library is built, and where its file is as long as a process may start.
    """

    def __init__(self, folder: Path):
        if lacking := what_is_lacking():
            raise RuntimeError(lacking)
        self._library, self._offset = folder / "clock.so", folder / "clock"
        self.set(0)
        subprocess.run(["cc", "-O2", "-shared", "-fPIC", "-o", self._library, _SOURCE, "-ldl"], check=True)

    @property
    def environment(self) -> dict[str, str]:
        """Ray's raylet takes LD_PRELOAD from its workers unless it is told otherwise."""
        libraries = [str(self._library), *filter(None, [os.environ.get("LD_PRELOAD")])]
        return {
            "LD_PRELOAD": ":".join(libraries),
            "RAY_LD_PRELOAD_ON_WORKERS": "1",
            "RAYKD_CLOCK": str(self._offset),
        }

    def set(self, seconds: int) -> None:
        """Lets the clock differ so much from the machine's, at this moment; processes that run see it too."""
        with self._offset.open("r+b" if self._offset.exists() else "wb") as file:  # the file that they have mapped
            file.write(seconds.to_bytes(8, sys.byteorder, signed=True))


def what_is_lacking() -> str:
    """Why there can be no such clock here, in one line; empty if there can."""
    if sys.platform != "linux":
        return "a clock that jumps needs Linux"
    return "" if shutil.which("cc") else "a clock that jumps needs a C compiler, as `cc`"
