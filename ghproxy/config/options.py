"""The table of options: parsing, `--help`, `ghproxy config` and docs/configuration.md come from it.

An option has a user, a default that is right for most, and one name, the same on the command line
and in a file. Nothing in the table decides what a value does; `settings` does.
"""

import difflib
from collections.abc import Iterable
from typing import Final

from ghproxy.config.option import Option
from ghproxy.config.own_options import OWN_OPTIONS
from ghproxy.config.prow_options import PROW_OPTIONS

OPTIONS: Final[tuple[Option, ...]] = PROW_OPTIONS + OWN_OPTIONS
BY_NAME: Final = {option.name: option for option in OPTIONS}
BY_VARIABLE: Final = {option.variable: option for option in OPTIONS}


def nearest(word: str, words: Iterable[str]) -> str | None:
    """The one of `words` that was probably meant, whatever the case and the dashes."""
    plain = {_plain(candidate): candidate for candidate in words}
    matches = difflib.get_close_matches(_plain(word), plain, n=1)
    return plain[matches[0]] if matches else None


def _plain(word: str) -> str:
    return word.lower().replace("_", "-")
