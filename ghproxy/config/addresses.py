"""Where the origin is and where we listen: URL and host as written -> values.

Stricter than RFC 3986 on purpose, because a URL is only ever split here, never joined with client
text. No message repeats any part of a URL: a URL is where people leave passwords.
"""

import ipaddress
import re
from typing import Final

from ghproxy.upstream.base import OriginAddress

DEFAULT_PORTS: Final = {"http": 80, "https": 443}
ANY_ADDRESS: Final = frozenset({"", "0.0.0.0", "::"})  # noqa: S104 - compared with, not bound
_NAME: Final = re.compile(r"(?!-)[A-Za-z0-9_-]{1,63}(?<!-)(?:\.(?!-)[A-Za-z0-9_-]{1,63}(?<!-))*\.?")
_PATH_CHARACTERS: Final = re.compile(r"(?:[A-Za-z0-9\-._~!$&'()*+,;=:@/]|%[0-9A-Fa-f]{2})*")


def origin_from_url(url: str) -> tuple[OriginAddress, bytes]:
    """Scheme, host and port, and the base path without a trailing slash (`b""` for none).

    Raises ValueError with what is wrong.
    """
    scheme, separator, rest = url.partition("://")
    if not separator:
        raise ValueError("the scheme is missing (https://...)")
    if scheme.lower() not in DEFAULT_PORTS:
        raise ValueError("the scheme is neither http nor https")
    if "?" in rest or "#" in rest:
        raise ValueError("a query or fragment has no place in it")
    authority, slash, path = rest.partition("/")
    if "@" in authority:
        raise ValueError("a user name or password has no place in it")
    host, port = _split_authority(authority)
    origin = OriginAddress(
        scheme=scheme.lower(),
        host=host_from_text(host).lower(),
        port=_port(port) if port else DEFAULT_PORTS[scheme.lower()],
    )
    return origin, _base_path(slash + path)


def _split_authority(authority: str) -> tuple[str, str]:
    host, colon, port = authority.rpartition(":")
    if not colon or authority.endswith("]"):
        return authority, ""
    if not port:
        raise ValueError("the port is missing after the colon")
    return host, port


def _port(text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,5}", text) or not 0 < int(text) < 65536:
        raise ValueError("its port is not a number from 1 to 65535")
    return int(text)


def _base_path(path: str) -> bytes:
    if not _PATH_CHARACTERS.fullmatch(path):
        raise ValueError("its path holds a character that must be percent-encoded")
    trimmed = path.rstrip("/")
    segments = trimmed.lower().replace("%2e", ".").split("/")[1:]
    if not {"", ".", ".."}.isdisjoint(segments):
        raise ValueError("its path holds an empty or dot segment")
    return trimmed.encode("ascii")


def host_from_text(text: str) -> str:
    """An IP address (IPv6 with or without brackets) or a host name, brackets taken off.

    Raises ValueError where it is neither.
    """
    if not text:
        raise ValueError("the host is missing")
    if text.startswith("[") and text.endswith("]"):
        return _address(text[1:-1], version=6)
    if ":" in text:
        return _address(text, version=6)
    if re.fullmatch(r"[0-9.]+", text):
        return _address(text, version=4)
    if len(text) > 253 or not _NAME.fullmatch(text):
        raise ValueError("its host is neither a host name nor an IP address")
    return text


def _address(text: str, version: int) -> str:
    try:
        address = ipaddress.ip_address(text)
    except ValueError:
        raise ValueError("its host is not an IP address") from None
    if address.version != version:
        raise ValueError("its host is not an IP address")
    return str(address)


def may_be_same_host(ours: str, theirs: str) -> bool:
    """Whether something listening on `ours` is reached at `theirs`, by their spelling alone."""
    if ours in ANY_ADDRESS:
        return _is_loopback(theirs) or theirs in ANY_ADDRESS
    if "localhost" in (ours, theirs):
        return _is_loopback(ours) and _is_loopback(theirs)
    return ours.lower() == theirs


def _is_loopback(host: str) -> bool:
    if host.rstrip(".") == "localhost" or host.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False
