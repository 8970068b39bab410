"""What sort of value an option takes: how it is written, and what is allowed.

A kind turns text into a plain value (bool, int, float or str) that can be written down again; what
a component needs of it is made in `settings`. Text from the command line, the environment and a
file goes through the same function, so no source is stricter than another.
"""

import os.path
import re
from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from ghproxy.config.addresses import host_from_text, origin_from_url
from ghproxy.config.go_values import (
    LARGEST_INTEGER,
    boolean_from_go,
    go_from_nanoseconds,
    integer_from_go,
    nanoseconds_from_go,
)

Value = bool | int | float | str

_LONGEST_SHOWN: Final = 40
_DECIMAL: Final = re.compile(r"(?:0|[1-9][0-9]*)\.[0-9]+")
_UNPRINTABLE: Final = re.compile("[\x00-\x1f\x7f\ud800-\udfff]")


class Kind(msgspec.Struct, frozen=True):
    """A sort of value."""

    placeholder: str
    """What stands for the value in `--help`; empty for a boolean, which needs none."""
    allowed: str
    """What is allowed, to be read after "allowed: "."""
    file_types: tuple[type, ...]
    """The types that a TOML file may use for it."""
    parse: Callable[[str], Value]
    """The value, or ValueError with what is wrong, to be read after the option's name."""


def shown(text: str) -> str:
    """A value as it may be repeated in a message: quoted, printable, of bounded length."""
    clipped = text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "..."
    return '"' + _UNPRINTABLE.sub("?", clipped) + '"'


def _boolean(text: str) -> bool:
    try:
        return boolean_from_go(text)
    except ValueError as error:
        raise ValueError(f"{shown(text)} is {error}") from None


BOOLEAN: Final = Kind(
    placeholder="",
    allowed="true or false (also 1, t, T, TRUE, True, 0, f, F, FALSE, False)",
    file_types=(bool,),
    parse=_boolean,
)


def whole(least: int, most: int, *, also: str = "", placeholder: str = "N") -> Kind:
    """A whole number within bounds, both included; `also` explains a special value."""

    def parse(text: str) -> int:
        try:
            number = integer_from_go(text)
        except ValueError as error:
            raise ValueError(f"{shown(text)} is {error}") from None
        if not least <= number <= most:
            raise ValueError(f"{shown(text)} is out of range")
        return number

    bounds = f"a whole number from {least} to {most}"
    return Kind(
        placeholder=placeholder,
        allowed=f"{bounds} ({also})" if also else bounds,
        file_types=(int,),
        parse=parse,
    )


def size(unit: str, unit_bytes: int, least: float, *, may_be_zero: bool = False) -> Kind:
    """A number of units, decimals too; zero only where it has a meaning of its own."""

    def parse(text: str) -> int | float:
        number = _number(text)
        if number * unit_bytes > LARGEST_INTEGER:
            raise ValueError(f"{shown(text)} is out of range")
        if number < least and not (may_be_zero and number == 0):
            raise ValueError(f"{shown(text)} is too small")
        return number

    return Kind(
        placeholder=unit,
        allowed=f"a number of {unit} from {least:g}, decimals too ({unit_bytes:,} bytes each)",
        file_types=(int, float),
        parse=parse,
    )


def _number(text: str) -> int | float:
    try:
        return integer_from_go(text)
    except ValueError as error:
        if not _DECIMAL.fullmatch(text):
            raise ValueError(f"{shown(text)} is not a number") from error
    number = float(text)
    return int(number) if number.is_integer() else number


def _duration(text: str) -> str:
    try:
        nanoseconds = nanoseconds_from_go(text)
    except ValueError as error:
        raise ValueError(f"{shown(text)} is {error}") from None
    if nanoseconds <= 0:
        raise ValueError(f"{shown(text)} is not above 0")
    return go_from_nanoseconds(nanoseconds)


DURATION: Final = Kind(
    placeholder="TIME",
    allowed="a duration above 0, such as 500ms, 30s, 1m or 1h30m",
    file_types=(str,),
    parse=_duration,
)


def choice(words: Iterable[str], *, placeholder: str = "", **synonyms: str) -> Kind:
    """One of some words, in any case; a synonym stands for one of them."""
    meanings = {str(word): str(word) for word in words} | synonyms

    def parse(text: str) -> str:
        if text.lower() not in meanings:
            raise ValueError(f"{shown(text)} is not one of its words")
        return meanings[text.lower()]

    return Kind(
        placeholder=placeholder or "|".join(meanings),
        allowed=", ".join(meanings),
        file_types=(str,),
        parse=parse,
    )


def _text(text: str) -> str:
    if _UNPRINTABLE.search(text):
        raise ValueError("it holds a control character or is not UTF-8")
    return text


TEXT: Final = Kind(placeholder="TEXT", allowed="any text", file_types=(str,), parse=_text)


def _path(text: str) -> str:
    path = os.path.expanduser(_text(text))  # noqa: PTH111 - Path.expanduser raises RuntimeError
    if path.startswith("~"):
        raise ValueError(f"{shown(text)} names a home directory that does not exist")
    return path


def path(placeholder: str, allowed: str) -> Kind:
    """A path; a leading `~` is a home directory."""
    return Kind(placeholder=placeholder, allowed=allowed, file_types=(str,), parse=_path)


def _host(text: str) -> str:
    return host_from_text(text) if text else ""


HOST: Final = Kind(
    placeholder="HOST",
    allowed="an IP address or a host name, without scheme and port; empty for all interfaces",
    file_types=(str,),
    parse=_host,
)


def _url(text: str) -> str:
    origin, base_path = origin_from_url(text)
    return f"{origin.scheme}://{origin.authority.decode()}{base_path.decode()}"


URL: Final = Kind(
    placeholder="URL",
    allowed="http:// or https://, a host, and if needed a port and a base path",
    file_types=(str,),
    parse=_url,
)
