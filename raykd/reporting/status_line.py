"""One line that says what is going on now: rewritten in place, or a line every ten seconds in a log.

It is rewritten on a terminal, and in a notebook that has `ipywidgets`; one without gets what a log gets.
"""

import importlib.util
import math
import time
from collections.abc import Callable
from dataclasses import dataclass, field

from rich.console import Console
from rich.live import Live
from rich.text import Text

_EVERY_S = 10.0


@dataclass
class StatusLine:
    """The current line, while its context lasts.

    Args:
        console: where to write.
        otherwise: what stands in the line while there is no status.
    """

    console: Console = field(default_factory=lambda: Console(highlight=False, soft_wrap=True))
    otherwise: Callable[[], str] = lambda: ""
    _status: str = ""
    _written: float = -math.inf
    _live: Live | None = None

    def __enter__(self) -> "StatusLine":
        if self.console.is_terminal or (self.console.is_jupyter and importlib.util.find_spec("ipywidgets")):
            self._live = Live(console=self.console, refresh_per_second=4, transient=True, get_renderable=self._render)
            self._live.__enter__()
        return self

    def __exit__(self, *exception: object) -> None:
        if self._live is not None:
            self._live.__exit__(None, None, None)
            self._live = None

    @property
    def is_live(self) -> bool:
        """Whether the line is rewritten in place."""
        return self._live is not None

    def status(self, text: str) -> None:
        """Shows what is going on now; in a log a text that comes too soon after the one before is left out."""
        self._status = text
        if self._live is None and text and time.monotonic() - self._written > _EVERY_S:
            self._written = time.monotonic()
            self.say(text)

    def say(self, text: str) -> None:
        """Writes a line that stays, above the current one."""
        self.console.print(text, markup=False)

    def _render(self) -> Text:
        return Text(self._status or self.otherwise(), no_wrap=True, overflow="ellipsis")


def clock(seconds: float) -> str:
    """A duration as minutes:seconds, or hours:minutes:seconds."""
    minutes, seconds = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours}:{minutes:02d}:{seconds:02d}" if hours else f"{minutes}:{seconds:02d}"
