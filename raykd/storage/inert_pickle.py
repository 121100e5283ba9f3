"""Reads pickles of tensors and runs nothing of theirs: whatever is no tensor, array or number becomes a stand-in.

A pickle names functions and classes, and has them called. Here every name leads to one of this file's own: the few that
rebuild tensors and NumPy's arrays are done over, all others are a `StandIn`, which keeps what it is given and does
nothing with it. So options of a command line, paths, enumerations and objects of packages that are not installed are
read over. What weights never need, and what does harm elsewhere, such as `os.system`, refuses the whole file, so that
its owner hears of it.

Left out, hence stand-ins: sparse, quantised, nested and distributed tensors.
"""

import pickle
import struct
from _compat_pickle import IMPORT_MAPPING, NAME_MAPPING
from collections.abc import Callable
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor

from raykd.errors import InvalidError
from raykd.storage.stand_ins import Array, Kind, StandIn, as_bytes

# Modules that start programs, reach files or load code; and of the built-in functions those that do.
_HARMFUL = {"os", "posix", "nt", "subprocess", "sys", "shutil", "socket", "importlib", "imp", "runpy"}
_HARMFUL |= {"pty", "ctypes", "webbrowser", "marshal", "code"}
_HARMFUL_BUILTINS = {"eval", "exec", "execfile", "compile", "open", "file", "__import__", "breakpoint", "globals"}
_HARMFUL_NAMES = {("builtins", name) for name in _HARMFUL_BUILTINS}
_HARMFUL_NAMES |= {(module, name) for module in ("io", "_io") for name in ("open", "FileIO")}
_STORAGES = {
    "FloatStorage": torch.float32,
    "DoubleStorage": torch.float64,
    "HalfStorage": torch.float16,
    "BFloat16Storage": torch.bfloat16,
    "LongStorage": torch.int64,
    "IntStorage": torch.int32,
    "ShortStorage": torch.int16,
    "CharStorage": torch.int8,
    "ByteStorage": torch.uint8,
    "BoolStorage": torch.bool,
    "ComplexFloatStorage": torch.complex64,
    "ComplexDoubleStorage": torch.complex128,
    "UntypedStorage": torch.uint8,
}


class InertUnpickler(pickle._Unpickler):
    """Reads one pickle of a file.

    By Python's reader that is written in Python, which takes as much memory as the file has bytes. That in C takes what
    the file tells it to: a single turned bit was seen to take all that a machine of 23 GB had.

    Args:
        storage: gives what a persistent id means: of a storage all its elements, one after another.
        nested: reads the bytes of a whole file that stands in this one, as a plain pickle holds each storage.
    """

    def __init__(self, file: Any, storage: Callable[[Any], Any], nested: Callable[[bytes], Any]):
        super().__init__(file, encoding="latin1")  # of Python 2: NumPy's bytes are strings, of any bytes
        self._storage = storage
        self._nested = nested
        self._known: dict[str, Any] = {
            "torch._utils._rebuild_tensor": self._tensor,
            "torch._utils._rebuild_tensor_v2": self._tensor,
            "torch._utils._rebuild_tensor_v3": self._tensor_of_bytes,
            "torch._utils._rebuild_parameter": self._first,
            "torch._utils._rebuild_parameter_with_state": self._first,
            "torch._tensor._rebuild_from_type_v2": self._of_type,
            "torch.storage._load_from_bytes": self._nested,
            "torch.Size": self._first,
            "collections.OrderedDict": self._mapping,
            "collections.Counter": self._mapping,
            "builtins.set": set,
            "_codecs.encode": self._encoded,
            "numpy.dtype": Kind,
        }
        for core in ("numpy.core", "numpy._core"):  # NumPy before 2, and since
            self._known |= {
                f"{core}.multiarray._reconstruct": self._array,
                f"{core}.multiarray.scalar": self._number,
                f"{core}.numeric._frombuffer": self._array_of_bytes,
            }

    def find_class(self, module: str, name: str) -> Any:
        """What a name of the file stands for here; never what it names.

        Raises:
            ValueError: weights do not need it, and it does harm.
        """
        # Up to protocol 2 names are those of Python 2.
        module, name = NAME_MAPPING.get((module, name), (IMPORT_MAPPING.get(module, module), name))
        if module.partition(".")[0] in _HARMFUL or (module, name.partition(".")[0]) in _HARMFUL_NAMES:
            raise InvalidError(f"would run {module}.{name}, which weights do not need: do not trust it")
        full = f"{module}.{name}"
        if module in ("torch", "torch.storage", "torch.cuda") and name in _STORAGES:
            return _STORAGES[name]
        if module == "torch" and isinstance(dtype := getattr(torch, name, None), torch.dtype):
            return dtype
        if full not in self._known:
            self._known[full] = type("StandIn", (StandIn,), {"origin": full})
        return self._known[full]

    def persistent_load(self, pid: Any) -> Any:
        return self._storage(pid)

    def _load_bytearray(self: Any) -> None:
        (size,) = struct.unpack("<Q", self.read(8))
        self.append(bytearray(self.read(size)))  # Python's own first makes room for whatever size is told

    dispatch: ClassVar[dict[int, Any]] = {**pickle._Unpickler.dispatch, pickle.BYTEARRAY8[0]: _load_bytearray}

    # What a name leads to is a method of this object, since a pickle may set attributes of all that it has in hand.

    def _tensor(self, storage: Tensor, offset: int, size: Any, stride: Any, *more: Any) -> Tensor:
        return storage.as_strided(tuple(size), tuple(stride), storage.storage_offset() + offset)

    def _tensor_of_bytes(self, storage: Tensor, offset: int, size: Any, stride: Any, *more: Any) -> Tensor:
        dtype = next(each for each in more if isinstance(each, torch.dtype))
        return self._tensor(storage.view(torch.uint8).view(dtype), offset, size, stride)

    def _of_type(self, rebuild: Any, kind: Any, arguments: Any, state: Any) -> Any:
        return rebuild(*arguments)

    def _first(self, value: Any, *more: Any) -> Any:
        return value

    def _mapping(self, *entries: Any) -> StandIn:
        found = StandIn()  # not a dict, which could not be given a state
        found.update(*entries)
        return found

    def _encoded(self, text: str, encoding: str = "latin1") -> bytes:
        return text.encode("latin1")

    def _array(self, *more: Any) -> Array:
        return Array()

    def _array_of_bytes(self, content: Any, kind: Any, shape: Any, order: str = "C") -> Array:
        found = Array()
        found.__setstate__((1, shape, kind, order == "F", content))
        return found

    def _number(self, kind: Any, content: Any = b"") -> Any:
        dtype = kind.numbers() if isinstance(kind, Kind) else None
        return StandIn() if dtype is None else np.frombuffer(as_bytes(content), dtype)[0].item()
