"""What a student says of many files: pictures are decoded by threads, some batches ahead of the network."""

import os
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from typing import NamedTuple

import torch
from torch import Tensor

from raykd.data.views.decoding import THREADS
from raykd.errors import UserError
from raykd.runs.standalone import Student

_AHEAD = 2  # batches


class Prediction(NamedTuple):
    """What a student says of a file: probabilities of the classes; or why it says nothing, in a line."""

    file: str
    probabilities: Tensor | None
    wrong: str = ""


def predictions(student: Student, files: Sequence[str], batch_size: int = 64) -> Iterator[Prediction]:
    """A prediction for each file, in order; a file that cannot be read stops none of the others.

    Args:
        batch_size: of what is computed at a time; so many files times two are decoded meanwhile.
    """
    batches = (files[start : start + batch_size] for start in range(0, len(files), batch_size))
    started: deque[tuple[Sequence[str], list[Future[Tensor | str]]]] = deque()
    with ThreadPoolExecutor(_threads(), thread_name_prefix=THREADS) as threads:
        try:
            for batch in batches:
                started.append((batch, [threads.submit(_decode, student, file) for file in batch]))
                if len(started) > _AHEAD:
                    yield from _predicted(student, *started.popleft())
            while started:
                yield from _predicted(student, *started.popleft())
        finally:  # also where the caller has stopped early
            threads.shutdown(wait=False, cancel_futures=True)


def _threads() -> int:
    return len(os.sched_getaffinity(0))


def _decode(student: Student, file: str) -> Tensor | str:
    try:
        return student.preparation.image(file)
    except UserError as error:
        return str(error)


def _predicted(student: Student, files: Sequence[str], decoded: "list[Future[Tensor | str]]") -> Iterator[Prediction]:
    found = [job.result() for job in decoded]
    images = [each for each in found if isinstance(each, Tensor)]
    rows = iter(student.predict(torch.stack(images), len(images)) if images else ())
    for file, each in zip(files, found, strict=True):
        yield Prediction(file, next(rows)) if isinstance(each, Tensor) else Prediction(file, None, each)
