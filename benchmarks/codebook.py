"""k-means on CPUs: raykd's beside faiss's and scikit-learn's, from the same words, for as many iterations.

Claim: at equal inertia raykd's takes less time than faiss's and scikit-learn's.

    python benchmarks/codebook.py [--vectors N] [--channels N] [--words N] [--iterations N] [--threads N]
        [--rounds N] [--slow] [--save]

Vectors after a ReLU, of 100 overlapping groups. A round runs each in turn. All begin from the same vectors and end
after so many iterations, faiss and raykd with the distance of each vector to its word. Empty words, which each treats
in its own way, would show as inertias that differ. The inertia is that of each one's words, by faiss, not timed.
Seconds are those that the process computed and those that passed: on a machine that others use too the former say more,
though PyTorch's and faiss's threads compute while they wait for each other. Left out unless `--slow` is given:
scikit-learn's Elkan, which takes several times as long with many words. Left out: faiss's SuperKMeans, which is
approximate and takes no words to begin from, and mini-batches, which end at another inertia. The last line is the ratio
of the medians, faiss to raykd, of computed seconds.

    python benchmarks/codebook.py --memory --vectors N --channels N --words N --iterations N

The most memory that a process of its own held before and after k-means of a file of vectors (Linux's `VmHWM`, which
counts the file's pages that are in memory, though the system may drop them), beside the file's size. The last line is
the peak by the file's size.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
import warnings
from collections.abc import Callable, Iterator
from pathlib import Path

import numpy as np
import sklearn
import torch
from record import Record, spread
from sklearn.cluster import KMeans

from raykd.ops.kmeans import by_faiss, kmeans
from raykd.ops.rng import generator

SEED = 0


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--vectors", type=int, default=200_000, metavar="N", help="(default: 200000)")
    parser.add_argument("--channels", type=int, default=64, metavar="N", help="of a vector (default: 64)")
    parser.add_argument("--words", type=int, default=4096, metavar="N", help="(default: 4096)")
    parser.add_argument("--iterations", type=int, default=5, metavar="N", help="(default: 5)")
    parser.add_argument("--threads", type=int, default=1, metavar="N", help="(default: 1)")
    parser.add_argument("--rounds", type=int, default=3, metavar="N", help="runs of each (default: 3)")
    parser.add_argument("--slow", action="store_true", help="time scikit-learn's Elkan too")
    parser.add_argument("--memory", action="store_true", help="measure memory instead of time")
    parser.add_argument("--file", type=Path, help=argparse.SUPPRESS)  # of the process that is measured
    parser.add_argument("--save", action="store_true", help="keep the record under benchmarks/results")
    options = parser.parse_args()
    if os.environ.get("OMP_NUM_THREADS") != str(options.threads):  # scikit-learn's own threads, when it is loaded
        os.execve(sys.executable, [sys.executable, *sys.argv], os.environ | {"OMP_NUM_THREADS": str(options.threads)})
    torch.set_num_threads(options.threads)
    if options.file is not None:
        _measured(options)
        return
    record = Record("codebook")
    record.say(
        f"{options.vectors} x {options.channels}, {options.words} words, {options.iterations} iterations, "
        f"{options.threads} threads, scikit-learn {sklearn.__version__}"
    )
    (_memory if options.memory else _compare)(options, record)
    if options.save:
        record.save()


def _compare(options: argparse.Namespace, record: Record) -> None:
    vectors = np.concatenate(list(_vectors(options)))
    found: dict[str, list[tuple[float, float, float]]] = {}
    for _ in range(options.rounds):
        for name, run in _ways(vectors, options).items():
            passed, computed = time.perf_counter(), time.process_time()
            words = run()
            passed, computed = time.perf_counter() - passed, time.process_time() - computed
            found.setdefault(name, []).append((computed, passed, _inertia(vectors, words)))
    for name, values in found.items():
        computed, passed, inertia = zip(*values, strict=True)
        times = f"computed s {spread(computed, 2)}, passed s {spread(passed, 2)}"
        record.say(f"{name:20} {times}, inertia {inertia[0]:.7g}")
    medians = {name: statistics.median(computed for computed, _, _ in values) for name, values in found.items()}
    record.say(f"{medians['faiss'] / medians['raykd']:.2f}")


def _ways(vectors: np.ndarray, options: argparse.Namespace) -> dict[str, Callable[[], np.ndarray]]:
    count, iterations = options.words, options.iterations
    drawn = torch.randperm(len(vectors), generator=generator("words", SEED))[:count]  # as raykd draws them
    start = vectors[drawn.numpy()]

    def scikit(algorithm: str) -> np.ndarray:
        settings = {"init": start, "n_init": 1, "max_iter": iterations, "tol": 0.0, "algorithm": algorithm}
        with warnings.catch_warnings(action="ignore"):
            return KMeans(count, **settings).fit(vectors).cluster_centers_

    ways: dict[str, Callable[[], np.ndarray]] = {
        "raykd": lambda: kmeans(vectors, count, iterations, SEED).words,
        "faiss": lambda: by_faiss(vectors, start, iterations, gpu=False).words,
        "scikit-learn's Lloyd": lambda: scikit("lloyd"),
    }
    return ways | ({"scikit-learn's Elkan": lambda: scikit("elkan")} if options.slow else {})


def _vectors(options: argparse.Namespace, block: int = 50_000) -> Iterator[np.ndarray]:
    """Blocks of float32 vectors."""
    stream = np.random.default_rng(SEED)
    groups = 2.0 * stream.standard_normal((100, 12), dtype=np.float32)
    mixing = stream.standard_normal((12, options.channels), dtype=np.float32)
    for begin in range(0, options.vectors, block):
        size = min(block, options.vectors - begin)
        inner = stream.standard_normal((size, 12), dtype=np.float32) + groups[stream.integers(100, size=size)]
        noise = np.float32(0.3) * stream.standard_normal((size, options.channels), dtype=np.float32)
        yield np.maximum(inner @ mixing + noise, 0)


def _inertia(vectors: np.ndarray, words: np.ndarray) -> float:
    return float(by_faiss(vectors, np.ascontiguousarray(words), 0, gpu=False).distances.sum(dtype=np.float64))


def _memory(options: argparse.Namespace, record: Record) -> None:
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "vectors.npy"
        with file.open("wb") as opened:
            shape = (options.vectors, options.channels)
            header = {"descr": "<f4", "fortran_order": False, "shape": shape}
            np.lib.format.write_array_header_1_0(opened, header)
            for block in _vectors(options):
                opened.write(block.tobytes())
        own = [sys.executable, *sys.argv, "--file", str(file)]
        before, peak, seconds = map(float, subprocess.check_output(own, text=True).split())
        size = file.stat().st_size / 2**30
    record.say(f"file {size:.2f} GiB, process {before:.2f} GiB before, {peak:.2f} GiB at its peak, {seconds:.0f} s")
    record.say(f"{peak / size:.2f}")


def _measured(options: argparse.Namespace) -> None:
    """Prints the most that the process held before and after, and the seconds."""
    before, begun = _peak_gib(), time.perf_counter()
    vectors = np.load(options.file, mmap_mode="c")
    kmeans(vectors, options.words, options.iterations, SEED)
    print(before, _peak_gib(), time.perf_counter() - begun)


def _peak_gib() -> float:
    status = dict(line.split(":", 1) for line in Path("/proc/self/status").read_text().splitlines())
    return int(status["VmHWM"].split()[0]) / 2**20


if __name__ == "__main__":
    main()
