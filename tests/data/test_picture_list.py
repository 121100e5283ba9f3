"""A CSV of files and labels: read whatever its columns, and one line on what is wrong with it."""

from pathlib import Path
from typing import Any

import pytest

from data_files import picture, save
from raykd.data import Frame
from raykd.data.formats.picture_list import PictureList
from raykd.data.image_folder import ImageFolder
from raykd.space.serialise import decode, encode

LINES = [f"pictures/{number}.png,{('cat', 'dog')[number % 2]}" for number in range(12)]


@pytest.fixture
def root(tmp_path: Path) -> Path:
    for number in range(12):
        save(tmp_path, f"pictures/{number}.png", picture(number, 8, 8))
    return tmp_path


def written(root: Path, *lines: str) -> Path:
    (root / "labels.csv").write_text("\n".join(lines) + "\n")
    return root


def layout(**changes: Any) -> PictureList:
    return PictureList(**({"file": "labels.csv", "header": False} | changes))


def test_a_list_without_splits_is_cut_in_shares(root: Path):
    spec = ImageFolder(
        root=str(written(root, *LINES)), layout=layout(test_share=0.34), frame=Frame(resize=8, size=8), cache=None
    )
    dataset = spec.load()
    assert dataset.classes == ("cat", "dog")
    assert [len(split) for split in (dataset.train, dataset.validation, dataset.test)] == [6, 2, 4]
    assert sorted(dataset.test.labels.tolist()) == [0, 0, 1, 1]
    for name, label in zip(dataset.train.images.names, dataset.train.labels.tolist(), strict=True):
        assert int(Path(name).stem) % 2 == label
    assert decode(encode(spec)) == spec


def test_columns_by_name_a_split_and_all_that_csv_allows(root: Path):
    """A mark of Excel's, quotes around a comma, spaces, an absolute path, a line twice, an empty one, letters."""
    odd = save(root, "über, alles/bild 1.png", picture(50, 8, 8))
    lines = [
        "\ufeffid;Set;file;species",
        "1;Train; ./pictures/0.png ;'s'",
        "2;train;pictures/1.png;猫",
        "2;train;pictures/1.png;猫",
        "",
        f"3;train;{odd};猫",
        '4;VAL;"pictures/2.png";猫',
        "5;Testing;pictures/3.png;'s'",
    ]
    found = layout(header=True, delimiter=";", path="file", label="species", split="Set").read(written(root, *lines))
    assert found.classes == ("'s'", "猫")
    assert found.train == {"pictures/0.png": 0, "pictures/1.png": 1, "über, alles/bild 1.png": 1}
    assert (found.validation, found.test) == ({"pictures/2.png": 1}, {"pictures/3.png": 0})
    assert [entry.path for entry in found.aside] == ["pictures/1.png"]


def test_two_splits_of_which_the_third_is_cut(root: Path):
    lines = [f"{line},{'test' if number < 4 else 'train'}" for number, line in enumerate(LINES)]
    found = layout(split=2).read(written(root, *lines))
    assert set(found.test) == {f"pictures/{number}.png" for number in range(4)}
    assert (len(found.train), found.validation) == (8, {})
    lines = [line.replace("test", "valid") for line in lines]
    found = layout(split=2).read(written(root, *lines))
    assert (len(found.train), len(found.validation), len(found.test)) == (6, 4, 2)


def test_commas_within_quotes(root: Path):
    save(root, "a, b.png", picture(20, 8, 8))
    lines = ['"a, b.png","cat, grey"', *LINES, *(f"pictures/{number}.png,cat" for number in (0, 2))]
    with pytest.raises(ValueError, match="cat, grey has 1: add pictures"):
        layout().read(written(root, *lines))


def test_whole_numbers_with_gaps_are_classes_in_their_order(root: Path):
    labels = {"pictures": [12, 3, 7]}
    lines = [f"pictures/{number}.png,{labels['pictures'][number % 3]}" for number in range(12)]
    found = layout().read(written(root, *lines))
    assert found.classes == ("3", "7", "12")
    assert (found.train | found.test)["pictures/0.png"] == 2


@pytest.mark.parametrize(
    ("lines", "message"),
    [
        (
            [*LINES, "pictures/99.png,cat", "no.png,dog"],
            "2 of the 14 pictures that it names are not there, as",
        ),
        ([*LINES, "pictures/0.png,dog"], "line 13: pictures/0.png is listed before with another label or split"),
        ([*LINES, "pictures/0.png,"], "line 13: no path or no label in 'pictures/0.png,'"),
        ([*LINES, "pictures/0.png"], "line 13: no path or no label in 'pictures/0.png'"),
        (LINES[::2], "a data set needs at least two classes, and there is cat"),
        ([], "no picture to train on"),
        (['"pictures/0.png,cat'], "not a CSV in UTF-8"),
    ],
)
def test_lists_that_do_not_fit(root: Path, lines: list[str], message: str):
    with pytest.raises((ValueError, FileNotFoundError), match=message):
        layout().read(written(root, *lines))


def test_splits_that_do_not_fit(root: Path):
    lines = [f"{line},train" for line in LINES]
    with pytest.raises(ValueError, match="line 13: 'query' is no split; known are train: train, training; validation"):
        layout(split=2).read(written(root, *lines, "pictures/0.png,cat,query"))
    save(root, "fox.png", picture(30, 8, 8))
    with pytest.raises(ValueError, match="no picture to train on has the label 'fox', which one of the test has"):
        layout(split=2).read(written(root, *lines, "fox.png,fox,test"))


def test_not_utf8_and_not_there(root: Path):
    (root / "labels.csv").write_bytes(b"a.png,caf\xe9\n")
    with pytest.raises(ValueError, match=r"labels\.csv: not a CSV in UTF-8"):
        layout().read(root)
    with pytest.raises(FileNotFoundError, match=f"no file {root / 'other.csv'}"):
        layout(file="other.csv").read(root)
    with pytest.raises(ValueError, match="no column 'kind'; its columns: path, label"):
        layout(header=True, label="kind").read(written(root, "path,label", *LINES))


@pytest.mark.parametrize(
    ("fields", "message"),
    [
        ({"label": 0}, "must be different columns"),
        ({"label": "kind"}, "columns must be numbers where header is False, got 'kind'"),
        ({"delimiter": "x"}, "delimiter must be one of"),
        ({"test_share": 0.0}, "test_share must be above 0 and below 1, got 0.0"),
    ],
)
def test_fields_that_do_not_fit(fields: dict[str, Any], message: str):
    with pytest.raises(ValueError, match=message):
        layout(**fields)
