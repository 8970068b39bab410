"""The command line as Go's flag package reads it: `--x=v`, `--x v`, `-x=v`, `-x v`, `--bool`.

`--` ends the options; `-h`, `--help` and `--version` are known by themselves. Two differences from
Go: reading goes on after a mistake, so that all mistakes are reported together, and an argument
that is no option is a mistake (Prow ignores it and every option after it).
"""

import re
from collections.abc import Mapping, Sequence
from typing import Final

import msgspec

from ghproxy.config.kinds import BOOLEAN
from ghproxy.config.option import Option
from ghproxy.config.options import BY_NAME, nearest

COMMANDS: Final = ("config", "simulate", "help", "version")
_HELP: Final = frozenset({"h", "help"})
_VERSION: Final = "version"


class CommandLine(msgspec.Struct, frozen=True):
    """What was asked for and given; `given` is in order, an option may come more than once."""

    given: tuple[tuple[Option, str], ...] = ()
    problems: tuple[str, ...] = ()
    is_help_asked: bool = False
    is_version_asked: bool = False


def read_command_line(
    arguments: Sequence[str], options: Mapping[str, Option] = BY_NAME
) -> CommandLine:
    """The command line after the sub-command, values not yet judged."""
    given: list[tuple[Option, str]] = []
    problems: list[str] = []
    rest = list(reversed(arguments))
    while rest:
        argument = rest.pop()
        if argument == "--":
            problems += [_unexpected(extra, given) for extra in reversed(rest)]
            break
        if len(argument) < 2 or not argument.startswith("-"):
            problems.append(_unexpected(argument, given))
            continue
        name, separator, value = argument.removeprefix("-").removeprefix("-").partition("=")
        option = options.get(name)
        if option is not None and (separator or option.kind is BOOLEAN or rest):
            given.append((option, _value(option, separator, value, rest)))
        elif option is not None:
            problems.append(f"--{name}: a value is missing; allowed: {option.kind.allowed}")
        elif name in _HELP:
            return CommandLine(is_help_asked=True)
        elif name == _VERSION:
            return CommandLine(is_version_asked=True)
        else:
            problems.append(_unknown(name, options))
            _skip_value(separator, rest)
    return CommandLine(tuple(given), tuple(problems))


def _value(option: Option, separator: str, value: str, rest: list[str]) -> str:
    if separator:
        return value
    return "true" if option.kind is BOOLEAN else rest.pop()


def _skip_value(separator: str, rest: list[str]) -> None:
    # What follows an unknown option is most likely its value: reporting it too would only confuse.
    if not separator and rest and not rest[-1].startswith("-"):
        rest.pop()


def _unknown(name: str, options: Mapping[str, Option]) -> str:
    if not re.fullmatch(r"[A-Za-z][A-Za-z0-9_-]*", name):
        return "an option is malformed; options are written --name=value"
    meant = nearest(name, (*options, "help", _VERSION))
    hint = f"did you mean --{meant}?" if meant else "ghproxy --help lists all of them"
    return f"unknown option --{name}; {hint}"


def _unexpected(argument: str, given: list[tuple[Option, str]]) -> str:
    if argument.lower() in ("true", "false") and given and given[-1][0].kind is BOOLEAN:
        name = given[-1][0].name
        return f'--{name}: write --{name}={argument.lower()}, a separate "{argument}" is not read'
    # Only what looks like a word is repeated: anything else might be somebody's token.
    if not re.fullmatch(r"[a-z][a-z-]{0,15}", argument):
        return "unexpected argument; options are written --name=value"
    if argument in COMMANDS:
        return f'the command comes first: "ghproxy {argument} ..."'
    meant = nearest(argument, COMMANDS)
    hint = f'did you mean the command "{meant}"?' if meant else "options are written --name=value"
    return f'unexpected argument "{argument}"; {hint}'
