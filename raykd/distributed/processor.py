"""What computes: the kind of processor, as far as the last bits of a result depend on it."""

import functools
import hashlib
import platform
from pathlib import Path

import torch

_INFO = Path("/proc/cpuinfo")


def processor(device: torch.device) -> str:
    """A device's kind, with the version of PyTorch: where both are the same, the same computation gives the same bits.

    Of a CPU its instruction sets count, as libraries choose their code by them, and how many threads compute.
    """
    return _kind(device) if device.type == "cuda" else f"{_kind(device)} threads {torch.get_num_threads()}"


def processor_name(device: torch.device) -> str:
    """What its maker calls a device."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    names = [line.partition(":")[2].strip() for line in _lines() if line.startswith("model name")]
    return names[0] if names else platform.machine()


@functools.cache
def _kind(device: torch.device) -> str:
    if device.type == "cuda":
        return f"{torch.cuda.get_device_name(device)} torch {torch.__version__}"
    kinds = ("model name", "flags", "Features")  # the last one on ARM
    known = sorted({line for line in _lines() if line.startswith(kinds)})
    digest = hashlib.sha256("\n".join(known).encode()).hexdigest()[:12]
    return f"{platform.machine()} {torch.backends.cpu.get_cpu_capability()} {digest} torch {torch.__version__}"


def _lines() -> list[str]:
    return _INFO.read_text().splitlines() if _INFO.exists() else []
