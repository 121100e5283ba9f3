"""A real object store on this machine: moto's S3 server, as a process on a free port."""

import contextlib
import os
import subprocess
import sys
from collections.abc import Iterator, Sequence

import pytest

from run_commands import free_port

BUCKET = "raykd-tests"
CREDENTIALS = {
    "AWS_ACCESS_KEY_ID": "testing",
    "AWS_SECRET_ACCESS_KEY": "testing-secret",
    "AWS_EC2_METADATA_DISABLED": "true",  # nothing but the environment is asked for credentials
}


_MAKE_BUCKET = """
import contextlib, socket, sys, time
from pyarrow import fs
host, port, uri, bucket = sys.argv[1:]
while True:
    with contextlib.suppress(OSError), socket.create_connection((host, int(port))):
        break
    time.sleep(0.05)
fs.FileSystem.from_uri(f"{uri}&allow_bucket_creation=true")[0].create_dir(bucket)
"""


@contextlib.contextmanager
def reached() -> Iterator[str]:
    """`served` on a free port of this machine, with the credentials in this process's environment."""
    with pytest.MonkeyPatch.context() as patch:
        for name, value in CREDENTIALS.items():
            patch.setenv(name, value)
        with served(free_port()) as address:
            yield address


@contextlib.contextmanager
def served(port: int, host: str = "127.0.0.1", inside: Sequence[str] = ()) -> Iterator[str]:
    """The address that follows a path in URIs of the store, for as long as its server lives; its bucket is made.

    Args:
        inside: words before a command that is to run on another machine; the server is started there.
    """
    command = [*inside, sys.executable, "-m", "moto.server", "--host", host, "--port", str(port)]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        address = f"?endpoint_override={host}:{port}&scheme=http&region=us-east-1"
        call = [*inside, sys.executable, "-c", _MAKE_BUCKET, host, str(port), f"s3://{BUCKET}{address}", BUCKET]
        subprocess.run(call, env=os.environ | CREDENTIALS, check=True, timeout=120)
        yield address
    finally:
        process.kill()
        process.wait()
