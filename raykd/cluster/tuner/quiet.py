"""Keeps Ray off the screen."""

import contextlib
import logging
import sys
import warnings
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from ray.tune.progress_reporter import TrialProgressCallback

_LOG = logging.getLogger(__name__)


class NoTrialProgress(TrialProgressCallback):
    """Stands where Tune would put its own, which at raykd's verbosity says nothing, and remembers every trial."""

    def on_trial_result(self, *told: Any, **info: Any) -> None:
        pass

    def on_trial_complete(self, *told: Any, **info: Any) -> None:
        pass

    def on_trial_error(self, *told: Any, **info: Any) -> None:
        pass


@contextlib.contextmanager
def quiet(log: Path | None) -> Iterator[None]:
    """Sends the notices, warnings and errors that Ray and Optuna log to a file; what matters of them raykd says itself.

    Args:
        log: the file, in a folder that is there; None lets them be seen.
    """
    if log is None:
        yield
        return
    loggers = [logging.getLogger(name) for name in ("ray", "ray.tune", "ray.train", "optuna")]
    before = [(logger.level, logger.handlers, logger.propagate) for logger in loggers]
    file = _Log(log, delay=True)
    file.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(name)s: %(message)s"))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        for logger in loggers:
            logger.level, logger.handlers, logger.propagate = logging.WARNING, [file], False
        try:
            yield
        finally:
            for logger, (level, handlers, propagate) in zip(loggers, before, strict=True):
                logger.level, logger.handlers, logger.propagate = level, handlers, propagate
            with contextlib.suppress(OSError):  # the disk is still full
                file.close()


class _Log(logging.FileHandler):
    """Says in one line that it cannot be written, as on a full disk, where Python would print each message's stack."""

    _has_told = False

    def handleError(self, record: logging.LogRecord) -> None:  # noqa: N802
        error = sys.exc_info()[1]
        if not isinstance(error, OSError):
            super().handleError(record)
        elif not self._has_told:
            self._has_told = True
            _LOG.warning("%s: %s; what Ray logs meanwhile is lost", self.baseFilename, error.strerror)
