"""Finds or makes the environment of a cluster's machine; the last step of its set-up by `ray up`.

What is there is used, if it has all that raykd needs: the environment that `ray up` itself runs in, where this machine
has one under the same name (it is the same machine, or they share their files), or else that of the last time, in
`~/.raykd/venv`. Otherwise that one is made or brought up to date, and pip says what it does. Where there is no GPU,
faiss-gpu and the CUDA that it brings are left out (requirements-cpu.txt).
"""

import fcntl
import os
import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

HOME = Path("~/.raykd").expanduser()
SOURCE = Path(__file__).resolve().parents[2]
LIGHT = SOURCE / "requirements-cpu.txt"
GPU = Path("/dev/nvidiactl")  # there where NVIDIA's driver is
# One of the two will do; which one pip takes depends on the machine.
ALIKE = {"faiss-gpu": "faiss-cpu", "faiss-cpu": "faiss-gpu"}


def lacks(ray: str | None) -> list[str]:
    """What raykd needs and this Python does not have.

    Args:
        ray: the version of Ray that all machines of the cluster have; None for any that raykd goes with.
    """
    from packaging.requirements import Requirement

    if GPU.exists():
        needs = tomllib.loads((SOURCE / "pyproject.toml").read_text())["project"]["dependencies"]
    else:
        needs = [line for line in LIGHT.read_text().splitlines() if not line.startswith("#")]
    found: list[str] = []
    for need in map(Requirement, [*needs, "raykd", *([f"ray=={ray}"] if ray else [])]):
        if need.marker is not None and not need.marker.evaluate():
            continue
        versions = [_version(name) for name in (need.name, ALIKE.get(need.name)) if name]
        if not any(version and need.specifier.contains(version, prereleases=True) for version in versions):
            found.append(f"{need.name}{need.specifier}")
    return found


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def verdict(prefix: Path, ray: str | None) -> str | None:
    """What an environment lacks, in words; "" for nothing; None where there is none."""
    python = prefix / "bin" / "python"
    if not python.exists():
        return None
    call = [str(python), __file__, "--lacks", *([ray] if ray else [])]
    asked = subprocess.run(call, capture_output=True, text=True, check=False)
    return asked.stdout.strip() if asked.returncode == 0 else "what its Python needs to start"


def make(prefix: Path, ray: str | None) -> None:
    """Installs raykd, from the clone's copy, and all that it needs."""
    say(f"raykd and what it needs go to {prefix}: some minutes, some GB of PyTorch and Ray")
    if not (prefix / "bin" / "python").exists():
        subprocess.run([sys.executable, "-m", "venv", str(prefix)], check=True)
    pip = [str(prefix / "bin" / "python"), "-m", "pip", "install"]
    same = [f"ray=={ray}"] if ray else []
    if GPU.exists():
        subprocess.run([*pip, "--editable", str(SOURCE), *same], check=True)
    else:
        subprocess.run([*pip, "--requirement", str(LIGHT), *same], check=True)
        subprocess.run([*pip, "--no-deps", "--editable", str(SOURCE)], check=True)


def use(prefix: Path) -> None:
    """The cluster's commands find their Python by this link."""
    link = HOME / "environment"
    new = HOME / f"environment.{os.getpid()}"
    new.symlink_to(prefix)
    new.replace(link)


def main() -> int:
    HOME.mkdir(exist_ok=True)
    ray, mine = os.environ.get("RAYKD_RAY"), HOME / "venv"
    with (HOME / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # machines may share this home
        for prefix in (Path(os.environ.get("RAYKD_PREFIX", mine)), mine):
            lacking = verdict(prefix, ray)
            if lacking == "":
                say(f"uses {prefix}, which has all that raykd needs")
                break
            if lacking is not None:
                say(f"{prefix} lacks {lacking}")
        else:
            prefix = mine
            make(prefix, ray)
        use(prefix)
    return 0


def say(line: str) -> None:
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()


if __name__ == "__main__":
    if sys.argv[1:2] == ["--lacks"]:
        say(", ".join(lacks(sys.argv[2] if sys.argv[2:] else None)))
    else:
        try:
            sys.exit(main())
        except subprocess.CalledProcessError as error:
            sys.exit(f"error: {' '.join(error.cmd)} ended with {error.returncode}; what it said stands above")
