"""Pictures in the rows of Arrow and Parquet files: mapped, sorted into splits and classes, refused in one line."""

import pickle
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pytest
import torch

from data_files import encoded, picture, table, write_table
from raykd.data import Frame
from raykd.data.formats.picture_table import PictureTable
from raykd.data.formats.rows import Rows
from raykd.data.formats.tables import pictures
from raykd.data.image_folder import ImageFolder
from raykd.space.serialise import decode, encode
from raykd.testing import check_data


@pytest.fixture
def cache(tmp_path: Path) -> str:
    return str(tmp_path / "cache")


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.feather"])
@pytest.mark.parametrize("cached", [True, False])
def test_every_row_is_found_by_its_name(tmp_path: Path, cache: str, name: str, cached: bool):
    write_table(tmp_path / name, table())
    rows = Rows(root=tmp_path, column="image", cache=cache if cached else None)
    names = rows.names(name)
    assert names == sorted(names) == [f"{name}#{number:09d}" for number in range(12)]
    for number, each in enumerate(names):
        assert rows.open(each).read() == encoded(number)
        assert rows.length(each) == len(encoded(number))


def test_what_is_packed_is_unpacked_once(tmp_path: Path, cache: str, monkeypatch: pytest.MonkeyPatch):
    file = write_table(tmp_path / "a.parquet", table())
    first = pictures(file, "image", Path(cache))
    monkeypatch.setattr("raykd.data.formats.tables._unpack", None)
    again = pictures(file, "image", Path(cache))
    assert [part.to_pylist() for part in first] == [part.to_pylist() for part in again]


def test_a_cache_that_cannot_be_written(tmp_path: Path, cache: str):
    file = write_table(tmp_path / "a.parquet", table())
    Path(cache).write_text("no folder")
    alone, expected = (pictures(file, "image", place) for place in (Path(cache), None))
    assert [part.to_pylist() for part in alone] == [part.to_pylist() for part in expected]


def test_a_stream_is_mapped_where_it_lies_and_takes_no_memory(tmp_path: Path, cache: str):
    file = write_table(tmp_path / "a.arrow", pa.table({"image": [bytes(1_000_000)] * 8}))
    before = pa.total_allocated_bytes()
    parts = pictures(file, "image", Path(cache))
    assert sum(map(len, parts)) == 8
    assert pa.total_allocated_bytes() - before < 10_000
    assert not Path(cache).exists()


def test_files_of_splits_and_the_names_of_classes(tmp_path: Path, cache: str):
    write_table(tmp_path / "data" / "train-0.parquet", table())
    write_table(tmp_path / "data" / "train-1.parquet", table(4, 20))
    write_table(tmp_path / "data" / "valid.parquet", table(4, 30))
    layout = PictureTable(
        train="data/train-*.parquet", validation="data/valid.parquet", test="data/test-[12].parquet", cache=cache
    )
    write_table(tmp_path / "data" / "test-1.parquet", table(6, 40, labels=[0, -1, None, 1, 0, 1]))
    listing = layout.read(tmp_path)
    assert listing.classes == ("cat", "dog")
    assert (len(listing.train), len(listing.validation), len(listing.test)) == (16, 4, 4)
    assert listing.train["data/train-1.parquet#000000001"] == 1
    assert [entry.path for entry in listing.aside] == [f"data/test-1.parquet#00000000{row}" for row in (1, 2)]


def test_without_splits_they_are_cut_and_copies_stay_on_one_side(tmp_path: Path, cache: str):
    content = table(20)
    write_table(tmp_path / "all.arrow", pa.concat_tables([content, content]))
    listing = PictureTable(train="all.arrow", test_share=0.3, cache=cache).read(tmp_path)
    assert (len(listing.train), len(listing.test), listing.test_is_cut) == (28, 12, True)
    tested = {int(name.rpartition("#")[2]) % 20 for name in listing.test}
    assert len(tested) == 6
    assert not tested & {int(name.rpartition("#")[2]) % 20 for name in listing.train}


def test_a_column_of_splits_and_labels_in_words_or_numbers(tmp_path: Path, cache: str):
    splits = ["train"] * 8 + ["Test"] * 4
    plain = pa.table({"bild": [encoded(number) for number in range(12)], "art": ["ü", "b"] * 6, "set": splits})
    write_table(tmp_path / "a.parquet", plain)
    layout = PictureTable(train="a.parquet", image="bild", label="art", split="set", cache=cache)
    listing = layout.read(tmp_path)
    assert listing.classes == ("b", "ü")
    assert list(listing.test.values()) == [1, 0, 1, 0]
    write_table(tmp_path / "b.parquet", plain.set_column(1, "art", pa.array([10, 3] * 6)))
    assert PictureTable(train="b.parquet", image="bild", label="art", cache=cache).read(tmp_path).classes == ("3", "10")


@pytest.mark.parametrize(
    ("content", "fields", "message"),
    [
        (table(), {"label": "kind"}, "no column 'kind'; its columns: image, label"),
        (table(), {"image": "label"}, "column 'label' holds no bytes of pictures, but int64"),
        (table(labels=[0, 1, 7] * 4), {}, "labels must be of 0 to 2, got 7"),
        (pa.table({"image": [b"1"], "label": [0.5]}), {}, "labels must be words or whole numbers, got 0.5"),
        (table(labels=[-1] * 12), {}, "no picture to train on"),
        (table(labels=[1] * 12), {}, "at least two classes, and there is dog"),
        (table(4), {}, "at least 3 different pictures, for training, validation, test; cat has 2, dog has 2"),
        (table(part=["dev"] * 11 + ["query"]), {"split": "part"}, "'query' in column 'part' is no split; known are"),
    ],
)
def test_tables_that_make_no_data_set(tmp_path: Path, cache: str, content: Any, fields: dict[str, Any], message: str):
    write_table(tmp_path / "a.parquet", content)
    with pytest.raises(ValueError, match=message) as raised:
        PictureTable(train="a.parquet", cache=cache, **fields).read(tmp_path)
    assert "\n" not in str(raised.value)


@pytest.mark.parametrize("name", ["a.parquet", "a.arrow", "a.feather"])
def test_torn_and_missing_tables(tmp_path: Path, cache: str, name: str):
    layout = PictureTable(train=name, cache=cache)
    with pytest.raises(FileNotFoundError, match=f"no file {name} in {tmp_path}"):
        layout.read(tmp_path)
    file = write_table(tmp_path / name, table())
    for length in (0, 40, file.stat().st_size // 2):
        file.write_bytes(file.read_bytes()[:length])
        with pytest.raises(ValueError, match=f"{file}: not a whole Arrow or Parquet file") as raised:
            layout.read(tmp_path)
        assert "\n" not in str(raised.value)
        write_table(file, table())


def test_fields_that_do_not_fit():
    with pytest.raises(ValueError, match="split must be None where validation or test are files of their own"):
        PictureTable(train="a", test="b", split="c")
    with pytest.raises(ValueError, match="test_share must be above 0 and below 1, got 0"):
        PictureTable(train="a", test_share=0.0)


@pytest.mark.parametrize("in_memory", [True, False])
def test_a_data_set_of_a_table(tmp_path: Path, cache: str, in_memory: bool):
    write_table(tmp_path / "all.parquet", table(20))
    layout = PictureTable(train="all.parquet", cache=cache)
    spec = ImageFolder(
        root=str(tmp_path),
        layout=layout,
        frame=Frame(resize=8, size=8),
        cache=cache,
        in_memory=in_memory,
        validation=0.3,
    )
    check_data(spec)
    assert decode(encode(spec)) == spec
    dataset = pickle.loads(pickle.dumps(spec.load()))
    (batch,) = dataset.plain(dataset.test)
    names = replace(spec, in_memory=False).load().test.images.names
    for image, name in zip(batch.images, names, strict=True):
        pixels = np.asarray(picture(int(name.rpartition("#")[2]), 8, 8)).transpose(2, 0, 1)
        torch.testing.assert_close(image, dataset.normalise(torch.from_numpy(pixels.copy())[None])[0])
    other = spec.resplit(5).load()
    assert torch.equal(other.test.labels, dataset.test.labels)
    assert other.validation.digest() != dataset.validation.digest()


def test_bad_rows_are_told_in_one_list_and_may_be_skipped(tmp_path: Path, cache: str):
    images = [{"bytes": encoded(number), "path": None} for number in range(12)]
    images[3]["bytes"], images[7]["bytes"] = None, b"torn"
    content = table().set_column(
        0, "image", pa.array(images, pa.struct([("bytes", pa.binary()), ("path", pa.string())]))
    )
    write_table(tmp_path / "a.arrow", content)
    spec = ImageFolder(root=str(tmp_path), layout=PictureTable(train="a.arrow", cache=cache), cache=cache)
    expected = (
        r"2 of 12 pictures cannot be used: a.arrow#000000003 \(it has no bytes\); a.arrow#000000007 \(it is no picture"
    )
    with pytest.raises(ValueError, match=expected):
        spec.load()
    dataset = replace(spec, skip_bad=True).load()
    assert sum(len(split) for split in (dataset.train, dataset.validation, dataset.test)) == 10
