"""The kernel says whose a socket is."""

import socket
from pathlib import Path

import pytest
from users import NOBODY, listener_of_nobody

from raykd.cluster.machines.sockets import is_here, owner_of, split_address, user_name


@pytest.mark.parametrize("host", ["127.0.0.1", "0.0.0.0"])
def test_a_socket_of_ones_own(host: str):
    with socket.create_server((host, 0)) as server:
        assert owner_of("127.0.0.1", server.getsockname()[1]) == Path("/proc/self").stat().st_uid


def test_one_of_all_addresses_of_both_kinds():
    if not socket.has_dualstack_ipv6():
        pytest.skip("no IPv6")
    with socket.create_server(("::", 0), family=socket.AF_INET6, dualstack_ipv6=True) as server:
        assert owner_of("127.0.0.1", server.getsockname()[1]) == Path("/proc/self").stat().st_uid


def test_nobody_listens():
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        assert owner_of("127.0.0.2", port) is None  # another address of this machine
        assert owner_of("192.0.2.1", port) is None  # another machine's
    assert owner_of("127.0.0.1", port) is None


def test_another_users():
    with listener_of_nobody() as address:
        port = int(address.rpartition(":")[2])
        assert owner_of("127.0.0.1", port) == NOBODY
        assert owner_of("localhost", port) == NOBODY


# Of /proc/net/tcp: 127.0.0.1:6379 and 0.0.0.0:6379 of the users 1000 and 1001; and a connection (01), no listener.
_TABLE = """  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 11 1 0 100 0 0 10 0
   1: 00000000:18EB 00000000:0000 0A 00000000:00000000 00:00000000 00000000  {}        0 12 1 0 100 0 0 10 0
   2: 0100007F:18EB 0100007F:8000 01 00000000:00000000 00:00000000 00000000  1002        0 13 1 0 100 0 0 10 0
"""


@pytest.mark.parametrize(("second", "owner"), [(1000, 1000), (1001, None)])
def test_several_count_only_where_they_agree(second: int, owner: int | None, tmp_path: Path):
    (tmp_path / "tcp").write_text(_TABLE.format(second))
    assert owner_of("127.0.0.1", 6379, tmp_path) == owner


def test_a_machine_without_such_a_table(tmp_path: Path):
    assert owner_of("127.0.0.1", 6379, tmp_path) is None


def test_what_is_this_machine():
    assert is_here("127.0.0.1") and is_here("localhost")
    assert not is_here("192.0.2.1") and not is_here("no-such-host.invalid")


def test_addresses():
    assert split_address("10.0.0.1:6379") == ("10.0.0.1", 6379)
    assert split_address("ray://[::1]:10001") == ("::1", 10001)
    assert [split_address(each) for each in ("auto", "10.0.0.1", ":1", "http://a:1")] == [None] * 4


def test_names_of_users():
    assert user_name(0) == "root"
    assert user_name(4_000_000_001) == "user 4000000001"
