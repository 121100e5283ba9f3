"""How many threads compute, within and afterwards."""

import pytest
import torch

from raykd.ops.threads import computing_threads

CPU = torch.device("cpu")


@pytest.fixture(autouse=True)
def _as_before():
    before = torch.get_num_threads()
    yield
    torch.set_num_threads(before)


@pytest.mark.parametrize(("number", "device", "expected"), [(3, "cpu", 3), (None, "cpu", 2), (3, "cuda", 2)])
def test_so_many_within_and_as_before_afterwards(number: int | None, device: str, expected: int):
    torch.set_num_threads(2)
    with pytest.raises(ZeroDivisionError), computing_threads(number, torch.device(device)):  # noqa: PT012
        assert torch.get_num_threads() == expected
        raise ZeroDivisionError
    assert torch.get_num_threads() == 2
