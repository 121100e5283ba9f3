"""Whose a process is that listens on a port of this machine, by the kernel's own table of sockets.

A file's owner says who wrote it, an open port nothing at all; the kernel notes for each socket the user whose process
made it, which nobody else can forge. Linux alone shows it (`/proc/net/tcp`); elsewhere nobody is known.
"""

import ipaddress
import pwd
import socket
import sys
from pathlib import Path

_TABLES = ("tcp", "tcp6")
_LISTENING = "0A"
_WORD_BYTES = 4  # the table has addresses as words of the machine's own byte order

Address = ipaddress.IPv4Address | ipaddress.IPv6Address


def split_address(address: str) -> tuple[str, int] | None:
    """Host and port of `host:port`, `[host]:port` or either after `ray://`; None for what else Ray may know."""
    host, _, port = address.removeprefix("ray://").rpartition(":")
    if not (host and port.isdecimal()) or "//" in host:
        return None
    return host.strip("[]"), int(port)


def is_here(host: str) -> bool:
    """Whether a host, by address or name, is this machine: only its own addresses can be bound."""
    return bool(_own_addresses(host))


def owner_of(host: str, port: int, folder: Path = Path("/proc/net")) -> int | None:
    """The user id of whoever listens on a port of this machine; None for nobody, several, or where none is told.

    Args:
        folder: of the kernel's tables.
    """
    wanted, owners = _own_addresses(host), set[int]()
    for name in _TABLES:
        try:
            _, *lines = (folder / name).read_text().splitlines()
        except OSError:  # not Linux, or a kernel without IPv6
            continue
        for line in lines:
            _, local, _, state, _, _, _, owner, *_ = line.split()
            address, at = _parse(local)
            if state == _LISTENING and at == port and (address.is_unspecified or address in wanted):
                owners.add(int(owner))
    return owners.pop() if len(owners) == 1 else None


def user_name(owner: int) -> str:
    """What the machine calls a user, or the number where it has no name."""
    try:
        return pwd.getpwuid(owner).pw_name
    except KeyError:
        return f"user {owner}"


def _own_addresses(host: str) -> set[Address]:
    """The addresses that a host's name stands for, as far as they are this machine's."""
    found = set[Address]()
    try:
        known = socket.getaddrinfo(host, None, type=socket.SOCK_DGRAM)
    except OSError:
        return found
    for family, kind, protocol, _, place in known:
        with socket.socket(family, kind, protocol) as asker:
            try:
                asker.bind((place[0], 0))
            except OSError:  # another machine's
                continue
        found.add(ipaddress.ip_address(str(place[0]).partition("%")[0]))
    return found


def _parse(local: str) -> tuple[Address, int]:
    """An address of the kernel's table, such as `0100007F:18EB` for 127.0.0.1:6379."""
    words, _, port = local.partition(":")
    raw = bytes.fromhex(words)
    if sys.byteorder == "little":
        raw = b"".join(raw[i : i + _WORD_BYTES][::-1] for i in range(0, len(raw), _WORD_BYTES))
    address = ipaddress.ip_address(raw)
    return getattr(address, "ipv4_mapped", None) or address, int(port, 16)
