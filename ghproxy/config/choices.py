"""What was chosen for each option, by which source: command line, environment, file, default.

The first source in this order wins; all of them are read, so that every mistake of one start is
reported in one go.
"""

import enum

import msgspec
import platformdirs

from ghproxy.config.kinds import Value
from ghproxy.config.option import Option
from ghproxy.config.options import OPTIONS


class StartError(Exception):
    """ghproxy cannot start as it was told to; each problem is one line for the user."""

    def __init__(self, *problems: str) -> None:
        super().__init__(*problems)
        self.problems = problems


class Source(enum.StrEnum):
    """Where a value came from."""

    COMMAND_LINE = "command line"
    ENVIRONMENT = "environment"
    FILE = "file"
    DEFAULT = "default"


class Choice(msgspec.Struct, frozen=True):
    """A value, and where it came from; `place` is the variable or the file."""

    value: Value
    source: Source
    place: str = ""

    @property
    def is_given(self) -> bool:
        """Whether somebody chose it."""
        return self.source is not Source.DEFAULT


class Choices:
    """Collects choices, later ones overruling earlier ones, and everything that was wrong."""

    def __init__(self, cache_directory: str) -> None:
        self._defaults = {option.name: option.default for option in OPTIONS}
        self._defaults["cache-dir"] = cache_directory
        self.problems: list[str] = []
        self.notices: list[str] = []
        self._given: dict[str, Choice] = {}
        self._unreadable: set[str] = set()

    def take(self, option: Option, text: str, source: Source, place: str = "") -> None:
        """Judge the text; a problem names the option, the source, and what is allowed."""
        try:
            value = option.kind.parse(text)
        except ValueError as error:
            self.refuse(option, str(error), source, place)
            return
        if option.lacking and value != option.default:
            self.refuse(option, "its value is not the default", source, place)
        elif value == option.absent:
            self._given.pop(option.name, None)
        else:
            self._given[option.name] = Choice(value, source, place)

    def refuse(self, option: Option, what: str, source: Source, place: str = "") -> None:
        """A value that is of no use; what was wrong with it is told with what is allowed."""
        self._unreadable.add(option.name)
        where = {
            Source.ENVIRONMENT: f" (environment variable {place})",
            Source.FILE: f" (key in {place})",
        }.get(source, "")
        reason = f"{what}; allowed: {option.kind.allowed}"
        if option.lacking:
            reason = f"this version does not offer it: {option.lacking}; leave it out"
        self.problems.append(f"--{option.name}{where}: {reason}")

    def is_readable(self, *names: str) -> bool:
        """Whether nothing was wrong with these options, so that they may be compared."""
        return self._unreadable.isdisjoint(names)

    def of(self, option: Option) -> Choice:
        """The choice, or the default."""
        return self._given.get(option.name) or Choice(self._defaults[option.name], Source.DEFAULT)

    def all(self) -> dict[str, Choice]:
        """Every option's choice, in the order of the table."""
        return {option.name: self.of(option) for option in OPTIONS}


def user_cache_directory() -> str:
    """Where this user's programs cache; empty where there is neither HOME nor an account."""
    try:
        directory = platformdirs.user_cache_dir("ghproxy")
    except RuntimeError:
        return ""
    # Releases of platformdirs before that error leave the `~`, which must not become a directory.
    return "" if directory.startswith("~") else directory
