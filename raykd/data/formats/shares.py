"""Pictures held out of a list of them: of each class its share, copies of one picture together, by a seed.

Which pictures these are follows from a hash of the seed and each path. So a picture that is added or removed moves one
other picture at most, where a shuffled order would deal all of them anew.
"""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import replace

from raykd.data.formats.copies import copies
from raykd.data.formats.file_names import shown
from raykd.data.formats.layouts import Labelled, Listing
from raykd.errors import InvalidError
from raykd.ops.rng import seed_of

TEST_SHARE = 0.15  # of each class's pictures, where nothing else is said
_TEST_SEED = 0  # a constant, so that every recipe is tested on the same pictures
_MOST_NAMED = 5  # classes in a message


def with_a_test(found: Listing, share: float) -> Listing:
    """What a layout found, with a share of the training pictures as the test where it found none.

    Raises:
        ValueError: fewer than two classes, or a class with too few pictures to be cut.
        OSError: a picture that has the length of another one cannot be read.
    """
    check_classes(found)
    cut = {"validation": not found.validation, "test": not found.test}
    alike = copies(found.root, tuple(found.train), found.rows) if any(cut.values()) else {}
    check_enough(found.train, alike, found.classes, ["training", *(split for split, is_cut in cut.items() if is_cut)])
    if found.test:
        return replace(found, copies=alike)
    train, test = cut_in_shares(found.train, alike, share, _TEST_SEED, "test", keep=1 + cut["validation"])
    return replace(found, train=train, test=test, copies=alike, test_is_cut=True)


def check_classes(listing: Listing) -> None:
    """Refuses fewer than two classes.

    Raises:
        ValueError: the only one, and which folders in it look like classes.
    """
    if len(listing.classes) >= 2:
        return
    folders = [name.split("/")[:-1] for name in listing.train]
    shared = next((depth for depth, parts in enumerate(zip(*folders, strict=False)) if len(set(parts)) > 1), None)
    deeper = sorted({parts[shared] for parts in folders}) if shared is not None else []
    named = ", ".join(map(shown, deeper[:3]))
    hint = f"; its folders {named} look like classes: move them up, or set root" if deeper else ""
    raise InvalidError(
        f"{shown(str(listing.root))}: a data set needs at least two classes, and there is "
        f"{', '.join(map(shown, listing.classes)) or 'none'}{hint}"
    )


def cut_in_shares(
    labelled: Labelled, alike: Mapping[str, str], share: float, seed: int, purpose: str, keep: int = 1
) -> tuple[Labelled, Labelled]:
    """What is left, and a share of each class's pictures, each with its copies; in their order.

    It is at least one picture, unless too few different ones would be left, as where bad ones were taken out.

    A picture that is there under two classes goes with the class of the first.

    Args:
        labelled: the number of a picture's class, by its path.
        alike: as `copies` gives it.
        share: above 0 and below 1.
        purpose: a word that makes two draws by one seed differ.
        keep: how many different pictures of each class are left at least.
    """
    classes: dict[int, dict[str, list[str]]] = {}
    for name in labelled:
        first = alike.get(name, name)
        classes.setdefault(labelled[first], {}).setdefault(first, []).append(name)
    chosen: set[str] = set()
    for groups in classes.values():
        order = sorted(groups, key=lambda first: seed_of(purpose, seed, first))
        chosen.update(_of_class([groups[first] for first in order], share, keep))
    left = {name: number for name, number in labelled.items() if name not in chosen}
    return left, {name: number for name, number in labelled.items() if name in chosen}


def _of_class(groups: list[list[str]], share: float, keep: int) -> list[str]:
    """The first of some groups of copies that are together no more than a share, or else the smallest if it may go."""
    wanted = share * sum(map(len, groups))
    chosen: list[str] = []
    left = len(groups)
    for group in groups:
        if left > keep and len(chosen) + len(group) <= round(wanted):
            chosen += group
            left -= 1
    if not chosen and left > keep:
        return min(groups, key=len)
    return chosen


def check_enough(labelled: Labelled, alike: Mapping[str, str], classes: Sequence[str], splits: Sequence[str]) -> None:
    """Refuses classes that cannot have a picture in each of some splits.

    Args:
        classes: their names, by number.
        splits: what they are for, in words.

    Raises:
        ValueError: the classes, the number of their different pictures, and how many it takes.
    """
    different = dict.fromkeys(range(len(classes)), 0)
    for name, number in labelled.items():
        different[number] += alike.get(name, name) == name
    in_all = Counter(labelled.values())
    few = [
        f"{shown(classes[number])} has {count}{_beside(in_all[number] - count)}"
        for number, count in different.items()
        if count < len(splits)
    ]
    if few:
        more = f" and {len(few) - _MOST_NAMED} more classes" if len(few) > _MOST_NAMED else ""
        raise InvalidError(
            f"each class needs at least {len(splits)} different pictures, for {', '.join(splits)}; "
            f"{', '.join(few[:_MOST_NAMED])}{more}: add pictures, or take the class out"
        )


def _beside(copies: int) -> str:
    return f" beside {copies} {'copy' if copies == 1 else 'copies'}" if copies else ""
