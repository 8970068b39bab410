"""Sockets that listen: all of them bound before anything starts, and one clear sentence if not."""

import asyncio
import errno
import socket
from typing import Final

BACKLOG: Final = 2048
_TO_ANY: Final = ""
_Address = tuple[socket.AddressFamily, str]


class ListenError(Exception):
    """A listener could not be opened; the message is one sentence for the operator."""


async def listening_sockets(name: str, host: str, port: int) -> list[socket.socket]:
    """Sockets for a host (empty: every address, IPv4 and IPv6); port 0 is any. Raises ListenError.

    Made with IPPROTO_TCP: asyncio sets TCP_NODELAY only on sockets that say so, and without it
    a keep-alive request waits 40 ms for a delayed acknowledgement.
    """
    if not 0 <= port <= 65_535:
        raise ListenError(f"port {port} is not between 0 and 65535 ({name})")
    if host == _TO_ANY:
        return [_socket_to_any(name, port)]
    sockets: list[socket.socket] = []
    absent: OSError | None = None
    for address in await _addresses(name, host):
        try:
            sockets.append(_listen(address, port))
        except OSError as error:
            if error.errno in (errno.EADDRNOTAVAIL, errno.EAFNOSUPPORT):
                absent = error  # a name may have an IPv6 address where the machine has no IPv6
                continue
            close_all(sockets)
            raise ListenError(_sentence(error, name, host, port)) from error
        port = sockets[0].getsockname()[1]
    if not sockets:
        raise ListenError(_sentence(absent, name, host, port)) from absent
    return sockets


def close_all(sockets: list[socket.socket]) -> None:
    for sock in sockets:
        sock.close()


def _socket_to_any(name: str, port: int) -> socket.socket:
    """One socket for IPv6 and IPv4 where the machine has IPv6, else for IPv4."""
    try:
        return _listen((socket.AF_INET6, "::"), port, is_dual=True)
    except OSError as error:
        if error.errno not in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL):
            raise ListenError(_sentence(error, name, "", port)) from error
    try:
        return _listen((socket.AF_INET, "0.0.0.0"), port)  # noqa: S104  what an empty host asks for
    except OSError as error:
        raise ListenError(_sentence(error, name, "", port)) from error


async def _addresses(name: str, host: str) -> list[_Address]:
    try:
        found = await asyncio.get_running_loop().getaddrinfo(
            host.strip("[]"), None, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
    except (socket.gaierror, UnicodeError) as error:
        raise ListenError(f"host {host!r} has no address ({name})") from error
    return list(dict.fromkeys((family, str(address[0])) for family, *_, address in found))


def _listen(address: _Address, port: int, *, is_dual: bool = False) -> socket.socket:
    family, host = address
    sock = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0 if is_dual else 1)
        sock.bind((host, port))
        sock.listen(BACKLOG)
        sock.setblocking(False)  # noqa: FBT003  socket's own signature
    except OSError:
        sock.close()
        raise
    return sock


def _sentence(error: OSError | None, name: str, host: str, port: int) -> str:
    number = error.errno if error is not None else None
    if number == errno.EADDRINUSE:
        return f"port {port} is in use ({name})"
    if number in (errno.EACCES, errno.EPERM):
        return f"port {port} may not be opened by this user ({name})"
    if number == errno.EADDRNOTAVAIL:
        return f"host {host!r} is not an address of this machine ({name})"
    reason = error.strerror if error is not None else "no address"
    return f"cannot listen on {host}:{port}: {reason} ({name})"
