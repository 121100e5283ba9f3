"""Arrow and Parquet files: what columns they have, what is in them, and a column's bytes, mapped from the disk.

What `datasets` writes, a stream of Arrow, is mapped where it lies. Parquet, and Arrow's file format, which may be
packed too, keep many rows in one block: to read one is to unpack all. So their pictures are written as such a stream
into a cache once, and then are on the disk twice.

pyarrow is imported where a table is opened, as it takes longer to load than most commands run.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from raykd.data.caching import kept
from raykd.data.formats.file_names import shown
from raykd.errors import InvalidError, MissingError
from raykd.space.serialise import fingerprint

ENDINGS = (".parquet", ".arrow", ".feather", ".ipc")
_PARQUET = ".parquet"
_ARROW_FILE = b"ARROW1"  # how Arrow's file format begins, and a stream does not
_AT_ONCE = 64  # rows
_BYTES = "bytes"  # of the struct that `datasets` makes of a picture, beside its path
_KEPT = "pictures.arrow"
_VERSION = 1


def schema_of(file: Path) -> Any:
    """The `pyarrow.Schema` of a table.

    Raises:
        FileNotFoundError, ValueError: it is not there, or is no table.
    """
    with _told_of(file):
        return _opened(file)[0]


def values(file: Path, column: str) -> list[Any]:
    """What a column holds, as Python has it; None where there is nothing.

    Raises:
        FileNotFoundError, ValueError: the table is not there, is none, or lacks the column.
    """
    return [value for part in _column(file, column) for value in part.to_pylist()]


def pictures(file: Path, column: str, cache: Path | None) -> list[Any]:
    """A column's bytes as Arrow's arrays, which hold none of them in memory.

    Args:
        column: of bytes, or of structs that have them.
        cache: where they are unpacked to, if they are packed; None to unpack them into memory.

    Raises:
        FileNotFoundError, ValueError: as `values`, or it has no bytes.
    """
    if cache is None or _is_stream(file):
        return list(_bytes(file, column))
    state = file.stat()
    told = {"file": str(file), "length": state.st_size, "changed": state.st_mtime_ns, "column": column}
    key = fingerprint(told | {"version": _VERSION})
    folder = kept(cache, "tables", key, lambda folder: _unpack(file, column, folder / _KEPT))
    if folder is None:
        return list(_bytes(file, column))
    return list(_bytes(folder / _KEPT, _BYTES))


def _unpack(file: Path, column: str, target: Path) -> None:
    import pyarrow as pa

    schema = pa.schema([(_BYTES, pa.large_binary())])
    with pa.ipc.new_stream(str(target), schema) as stream:
        for part in _bytes(file, column):
            stream.write_batch(pa.record_batch([part.cast(pa.large_binary())], schema))


def _bytes(file: Path, column: str) -> Iterator[Any]:
    """A column as arrays of bytes."""
    from pyarrow import types

    for part in _column(file, column):
        names = [part.type.field(number).name for number in range(part.type.num_fields)]
        found = part.flatten()[names.index(_BYTES)] if _BYTES in names else part
        if not (types.is_binary(found.type) or types.is_large_binary(found.type)):
            raise InvalidError(f"{shown(str(file))}: column {column!r} holds no bytes of pictures, but {found.type}")
        yield found


def _column(file: Path, column: str) -> Iterator[Any]:
    names = schema_of(file).names
    if column not in names:
        raise InvalidError(f"{shown(str(file))}: no column {column!r}; its columns: {', '.join(names)}")
    with _told_of(file):
        for batch in _opened(file, column)[1]:
            yield batch.column(column)


def _opened(file: Path, column: str | None = None) -> tuple[Any, Iterator[Any]]:
    """A table's schema, and its rows in batches that have a column."""
    import pyarrow as pa
    from pyarrow import parquet

    if file.suffix.lower() == _PARQUET:
        table = parquet.ParquetFile(file)
        return table.schema_arrow, table.iter_batches(batch_size=_AT_ONCE, columns=[column])
    source = pa.memory_map(str(file))
    if _is_stream(file):
        stream = pa.ipc.open_stream(source)
        return stream.schema, iter(stream)
    blocks = pa.ipc.open_file(source)
    return blocks.schema, (blocks.get_batch(number) for number in range(blocks.num_record_batches))


def _is_stream(file: Path) -> bool:
    if file.suffix.lower() == _PARQUET:
        return False
    with file.open("rb") as content:
        return content.read(len(_ARROW_FILE)) != _ARROW_FILE


@contextmanager
def _told_of(file: Path) -> Iterator[None]:
    """Makes one line of what Arrow says of a table."""
    import pyarrow as pa

    try:
        yield
    except FileNotFoundError:
        raise MissingError(f"no file {shown(str(file))}") from None
    except (pa.ArrowException, OSError) as error:
        if isinstance(error, OSError) and error.errno is not None:  # the disk's; Arrow's own has none
            raise
        said = " ".join(str(error).split())
        raise InvalidError(f"{shown(str(file))}: not a whole Arrow or Parquet file ({said}); get it again") from None
