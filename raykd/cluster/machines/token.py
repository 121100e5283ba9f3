"""The token by which Ray's processes know each other: a file that its user alone may read.

Ray makes one up at its first start and keeps it in `~/.ray/auth_token`, with the mode that the umask leaves, which
commonly is that everybody reads it; or it ends where it cannot. What is there already with a wider mode is closed.
"""

import contextlib
import os
import secrets
import stat
import tempfile
from pathlib import Path

from ray._private.authentication.authentication_token_setup import AUTH_MODE_ENV_VAR
from ray._raylet import AuthenticationTokenLoader, Config  # pyright: ignore[reportAttributeAccessIssue]

_TOKEN, _PATH = "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"


def hand_over_token() -> None:
    """Sees to it that a Ray of one's own finds a token: in a file, or where the home cannot be written, in the
    environment, which Ray's processes have of this one and read first.
    """
    if _TOKEN in os.environ or _PATH in os.environ or _is_off() or _file().exists():
        return
    try:
        _write_whole(_file(), secrets.token_hex(32))
    except FileExistsError:  # another search was first
        return
    except OSError:
        os.environ[_TOKEN] = secrets.token_hex(32)


def close_token_file() -> None:
    """Takes a token's file from all but its user."""
    file = Path(os.environ.get(_PATH) or _file())
    with contextlib.suppress(OSError):  # there is none, or the disk cannot be written, as a secret of Kubernetes
        found = file.stat()
        if found.st_uid == os.geteuid() and stat.S_IMODE(found.st_mode) & 0o077:
            file.chmod(0o600)


def send_token() -> None:
    """Sends the token to the Ray that is joined next, where there is one and nothing else was asked for.

    `ray start` asks for it wherever it finds a token, and a search before has left one. Ray itself sends it to a
    cluster that it finds, and never to an address that it is told, which may be a stranger's.
    """
    if AUTH_MODE_ENV_VAR not in os.environ and AuthenticationTokenLoader.instance().has_token(ignore_auth_mode=True):
        os.environ[AUTH_MODE_ENV_VAR] = "token"
        Config.initialize("")  # else this process would go by what it read before


def _is_off() -> bool:
    return os.environ.get(AUTH_MODE_ENV_VAR, "token").lower() != "token"


def _file() -> Path:
    return Path("~/.ray/auth_token").expanduser()


def _write_whole(file: Path, text: str) -> None:
    """Makes a file that is there with its text or not at all, never another's.

    Raises:
        FileExistsError: it is there already.
        OSError: it cannot be written.
    """
    file.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile("w", dir=file.parent) as made:  # of mode 600
        made.write(text)
        made.flush()
        os.fsync(made.fileno())
        os.link(made.name, file)
