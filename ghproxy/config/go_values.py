"""Booleans, integers and durations as Go's flag package reads and writes them.

Sources: strconv.ParseBool, strconv.ParseInt with base 0, time.ParseDuration. Only the spelling is
judged here; which values an option allows is the business of its kind. Raises ValueError.
"""

import re
from typing import Final

LARGEST_INTEGER: Final = 2**63 - 1

_BOOLEANS: Final = dict.fromkeys(("1", "t", "T", "TRUE", "true", "True"), True) | dict.fromkeys(
    ("0", "f", "F", "FALSE", "false", "False"), False
)

_INTEGER: Final = re.compile(
    r"(?P<sign>[+-]?)(?:"
    r"0[xX](?P<hexadecimal>(?:_?[0-9a-fA-F])+)"
    r"|0[bB](?P<binary>(?:_?[01])+)"
    r"|0[oO]?(?P<octal>(?:_?[0-7])+)"
    r"|(?P<decimal>0|[1-9](?:_?[0-9])*))"
)
_BASES: Final = {"hexadecimal": 16, "binary": 2, "octal": 8, "decimal": 10}

_NANOSECONDS: Final = {
    "h": 3_600_000_000_000,
    "m": 60_000_000_000,
    "s": 1_000_000_000,
    "ms": 1_000_000,
    "us": 1_000,
    "\N{MICRO SIGN}s": 1_000,
    "\N{GREEK SMALL LETTER MU}s": 1_000,
    "ns": 1,
}
_DURATION_PART: Final = re.compile(
    r"(?=\.?[0-9])(?P<whole>[0-9]*)(?:\.(?P<fraction>[0-9]*))?(?P<unit>[^0-9.]+)"
)
_WRITTEN_UNITS: Final = ("h", "m", "s", "ms", "us", "ns")


def boolean_from_go(text: str) -> bool:
    """True or False; Go knows twelve spellings, `yes` is none of them."""
    if text not in _BOOLEANS:
        raise ValueError("not a boolean")
    return _BOOLEANS[text]


def integer_from_go(text: str) -> int:
    """An integer literal of Go (`8888`, `1_000`, `0x22b8`, `010` is eight) within 64 bits."""
    match = _INTEGER.fullmatch(text)
    if match is None:
        raise ValueError("not a whole number")
    name = match.lastgroup or ""
    digits = match[name].replace("_", "")
    magnitude = int(digits, _BASES[name]) if len(digits) <= 64 else LARGEST_INTEGER + 1
    if magnitude > LARGEST_INTEGER:
        raise ValueError("out of range")
    return -magnitude if match["sign"] == "-" else magnitude


def nanoseconds_from_go(text: str) -> int:
    """A duration of Go (`1h30m`, `1.5s`, `500ms`, `0`) in nanoseconds, possibly negative."""
    unsigned = text[1:] if text[:1] in ("+", "-") else text
    if unsigned == "0":
        return 0
    total = position = 0
    while match := _DURATION_PART.match(unsigned, position):
        total += _part_nanoseconds(match)
        position = match.end()
    if position == 0 or position < len(unsigned):
        raise ValueError("not a duration")
    if total > LARGEST_INTEGER:
        raise ValueError("out of range")
    return -total if text[0] == "-" else total


def _part_nanoseconds(match: re.Match[str]) -> int:
    unit = _NANOSECONDS.get(match["unit"])
    if unit is None:
        raise ValueError("not a duration")
    # More digits than these change no nanosecond, and Python refuses to convert thousands of them.
    whole, fraction = match["whole"] or "0", (match["fraction"] or "0")[:20]
    if len(whole) > 19:
        raise ValueError("out of range")
    return int(whole) * unit + int(fraction) * unit // int(10 ** len(fraction))


def go_from_nanoseconds(nanoseconds: int) -> str:
    """The shortest spelling in whole units, largest first: `1h`, `1m30s`, `500ms`, `0s`."""
    parts, rest = [], nanoseconds
    for unit in _WRITTEN_UNITS:
        count, rest = divmod(rest, _NANOSECONDS[unit])
        if count:
            parts.append(f"{count}{unit}")
    return "".join(parts) or "0s"
