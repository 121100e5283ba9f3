"""What people call the splits: in folders, in lists, in the names of files, with letters of any size."""

TRAIN, VALIDATION, TEST = "train", "validation", "test"
NAMES = {
    TRAIN: ("train", "training"),
    VALIDATION: ("val", "valid", "validation", "dev"),
    TEST: ("test", "testing"),
}
_SPLITS = {name: split for split, names in NAMES.items() for name in names}


def split_called(name: str) -> str | None:
    """`train`, `validation` or `test`; None where it is the name of none of them."""
    return _SPLITS.get(name.strip().lower())


def known() -> str:
    """All names, for a message."""
    return "; ".join(f"{split}: {', '.join(names)}" for split, names in NAMES.items())
