"""Joins a Ray cluster, one that was named or the user's own, or starts one for the search alone."""

import contextlib
import logging
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import ray
from ray._private import worker as ray_worker
from ray.exceptions import AuthenticationError

from raykd.cluster import SETTINGS
from raykd.cluster.machines.greeting import greet, knock, wrong_token
from raykd.cluster.machines.own_ray import start_own_ray
from raykd.cluster.machines.token import close_token_file, hand_over_token, send_token
from raykd.cluster.machines.whose import Found, all_here, owner_at, started_here
from raykd.errors import UnreachableError
from raykd.storage.atomic import no_link

_LOCAL, _AUTO = "local", "auto"


@contextlib.contextmanager
def connected(address: str | None, log: Path | None) -> Iterator[str]:
    """A connection to Ray for as long as the context lasts, with one line that says which, and whose.

    Args:
        address: of a cluster; `local` for one of our own; `auto` for any that runs on this machine, whoever has started
            it; None for `RAY_ADDRESS`, else the cluster that this user has started here, else one of our own.
        log: a file that gets what Ray would print; None lets it print.

    Raises:
        ConnectionError: no cluster answers there, or it is one that cannot be joined.
        PermissionError: what belongs to Ray is another user's.
        ValueError: the folder for temporary files has too long a name for one of our own.
    """
    if ray.is_initialized():
        yield "uses the Ray that is already connected"
        return
    options = {} if log is None else {"log_to_driver": False, "logging_level": logging.ERROR}
    named = address or os.environ.get("RAY_ADDRESS")
    close_token_file()
    joined, left = _choose(named)
    if joined is None:
        hand_over_token()
        start_own_ray(forwards_logs=log is None, **options)
        line = f"started Ray on this machine with {_resources()}{left}"
    else:
        if named in (None, _AUTO):
            send_token()
        _join(joined.address, must_be_mine=named is None, **options)
        line = f"joined {joined.whose} at {joined.address} with {_resources()}"
    try:
        with _redirected(log):
            yield line
    finally:
        ray.shutdown()


def _choose(named: str | None) -> tuple[Found | None, str]:
    """The cluster to join, or None for one of our own; and a word on the one that was left alone.

    Raises:
        ConnectionError: there is none to choose, several, or the user's own does not answer any more.
    """
    if named == _LOCAL:
        return None, ""
    if named == _AUTO:
        return _any_here(), ""
    if named is not None:
        return Found(address=named, owner=owner_at(named)), ""
    found = started_here()
    if found is None or found.is_mine:
        return found, ""
    if found.owner is None:
        if found.file_is_mine:
            _check_answers(found.address)
        return None, ""
    return None, f"; {found.whose} at {found.address} is left alone, --address {_AUTO} joins it"


def _any_here() -> Found:
    """The cluster of `ray start`, or the only one that runs.

    Raises:
        ConnectionError: there is none, or there are several.
    """
    here = all_here()
    if not here:
        raise UnreachableError(f"no Ray runs on this machine; --address {_LOCAL} starts one")
    if len(here) > 1 and not here[0].is_default:
        several = ", ".join(f"{each.whose} at {each.address}" for each in here)
        raise UnreachableError(f"several Rays run on this machine, name one by --address: {several}")
    return here[0]


def _check_answers(address: str) -> None:
    """Refuses an address of nobody, or of no Ray.

    Raises:
        ConnectionError: the address, and why.
    """
    try:
        knock(address)
    except OSError as error:
        raise UnreachableError(_no_answer(address, error)) from None


def _join(address: str, *, must_be_mine: bool, **options: Any) -> None:
    _check_answers(address)
    greet(address, must_be_mine=must_be_mine)
    try:
        ray.init(address=address, runtime_env={"env_vars": dict(SETTINGS)}, **options)
    except AuthenticationError:
        raise UnreachableError(wrong_token(address)) from None
    except (OSError, ValueError) as error:
        raise UnreachableError(_no_answer(address, error)) from None
    except RuntimeError as error:  # of a Ray Client, which compares versions by itself
        raise UnreachableError(
            f"cannot join the Ray cluster at {address}: {' '.join(str(error).split())}; --address {_LOCAL} starts one"
        ) from error


def _no_answer(address: str, error: Exception) -> str:
    reason = (getattr(error, "strerror", None) or str(error)).splitlines()[0]
    return f"no Ray cluster answers at {address}: {reason}; --address {_LOCAL} starts one"


@contextlib.contextmanager
def _redirected(log: Path | None) -> Iterator[None]:
    """Sends Ray's notices to a file. They come from a thread of Ray's own that asks no logger."""
    if log is None:
        yield
        return
    log.parent.mkdir(parents=True, exist_ok=True)
    printed = ray_worker.print_to_stdstream
    with open(log, "a", opener=no_link) as file:
        ray_worker.print_to_stdstream = lambda data, **options: print(*data["lines"], sep="\n", file=file, flush=True)
        try:
            yield
        finally:
            ray_worker.print_to_stdstream = printed


def _resources() -> str:
    total = ray.cluster_resources()
    return f"{total.get('CPU', 0):g} CPUs and {total.get('GPU', 0):g} GPUs"
