"""What an installation weighs: the files of every package that raykd's own dependencies bring, added up.

Claim: a part of it serves GPUs alone, and `requirements-cpu.txt` leaves out what faiss-gpu brings.

    python benchmarks/weight.py [--save]

It reads the packages of the environment that it runs in, which must have raykd, and walks from raykd's dependencies,
extras left out, to all that they ask for here. A package weighs what the files in its own list weigh, compiled ones
included, in GB of 10^9 bytes; blocks of the file system are not counted. Nothing varies, so that n is 1.

The last line is the whole, and the whole without faiss-gpu.
"""

import argparse
from collections.abc import Callable, Iterable
from importlib import metadata
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from record import Record

GROUPS: tuple[tuple[str, Callable[[str], bool]], ...] = (
    ("NVIDIA's libraries of CUDA 13, for PyTorch", lambda name: name.startswith(("nvidia-", "cuda-"))),
    ("PyTorch, torchvision and Triton", lambda name: name in ("torch", "torchvision", "triton")),
    ("Ray", lambda name: name == "ray"),
    ("all else", lambda name: True),
)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    record = Record("weight")
    sizes = {name: size(name) for name in needed("raykd")}
    light = needed("raykd", without=("faiss-gpu",))
    apart = {name: sizes[name] for name in sizes if name not in light}
    record.say(f"{_gb(apart)}  faiss-gpu and what it alone brings ({len(apart)} packages)")
    rest = {name: sizes[name] for name in light}
    for words, belongs in GROUPS:
        group = {name: rest.pop(name) for name in list(rest) if belongs(name)}
        record.say(f"{_gb(group)}  {words} ({len(group)} package{'s' if len(group) > 1 else ''})")
    record.say(f"whole {_gb(sizes)}, without faiss-gpu {_gb({name: sizes[name] for name in light})}")
    if options.save:
        record.save()


def needed(name: str, without: Iterable[str] = ()) -> set[str]:
    """The packages that one needs here beside itself, by their canonical names, extras of dependencies included."""
    seen: dict[str, set[str]] = {}
    waiting = [(name, set[str]())]
    while waiting:
        current, extras = waiting.pop()
        key = canonicalize_name(current)
        if key in without or (key in seen and extras <= seen[key]):
            continue
        seen[key] = seen.get(key, set()) | extras
        for line in metadata.requires(current) or []:
            other = Requirement(line)
            if other.marker is None or any(other.marker.evaluate({"extra": extra}) for extra in ("", *seen[key])):
                waiting.append((other.name, set(other.extras)))
    return seen.keys() - {canonicalize_name(name)}


def size(name: str) -> int:
    """Bytes of a package's files."""
    files = metadata.files(name)
    assert files is not None, f"{name} has no list of its files"
    paths = (Path(str(file.locate())) for file in files)
    return sum(path.stat().st_size for path in paths if path.exists())


def _gb(sizes: dict[str, int]) -> str:
    return f"{sum(sizes.values()) / 1e9:.2f} GB"


if __name__ == "__main__":
    main()
