"""The command line: finds the sub-command, and is the only place that prints or exits.

Results go to standard output, everything said along the way to standard error. Exit status: 0, or
2 with one line per reason where ghproxy cannot start as it was told to.
"""

import os
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Final, NoReturn, TextIO

import msgspec

from ghproxy import __version__
from ghproxy.config import (
    BY_NAME,
    COMMANDS,
    CommandLine,
    Option,
    Owner,
    Settings,
    StartError,
    configure,
    read_command_line,
)
from ghproxy.config.kinds import Value, choice
from ghproxy.config.rendering import (
    choices_as_json,
    choices_as_toml,
    config_help_text,
    help_text,
)

Announce = Callable[[str], None]

_CANNOT_START: Final = 2
_INTERRUPTED: Final = 130
_FORMAT: Final = Option(
    name="format",
    kind=choice(("toml", "json")),
    default="toml",
    owner=Owner.OURS,
    summary="how `ghproxy config` prints",
    user="Programs, which read JSON.",
)


class Programs(msgspec.Struct, frozen=True):
    """What the sub-commands start; each answers with an exit status."""

    serve: Callable[[Settings, Announce], int]
    simulate: Callable[[Sequence[str]], int]


def main(arguments: Sequence[str] | None = None) -> NoReturn:
    """`ghproxy` as a program."""
    programs = Programs(serve=_serve, simulate=_simulate)
    sys.exit(run(sys.argv[1:] if arguments is None else arguments, os.environ, programs))


def run(arguments: Sequence[str], environment: Mapping[str, str], programs: Programs) -> int:
    """The exit status, after everything has been said."""
    try:
        return _dispatch(arguments, environment, programs)
    except StartError as error:
        for problem in error.problems:
            _say(problem)
        return _CANNOT_START
    except KeyboardInterrupt:
        return _INTERRUPTED


def _dispatch(arguments: Sequence[str], environment: Mapping[str, str], programs: Programs) -> int:
    match arguments:
        case ["config", *rest]:
            return _config(rest, environment)
        case ["simulate", *rest]:
            return programs.simulate(rest)
        case ["help", *rest]:
            return _help(rest, programs)
        case ["version", *rest]:
            return _version(rest)
        case _:
            return _run_gateway(arguments, environment, programs)


def _run_gateway(
    arguments: Sequence[str], environment: Mapping[str, str], programs: Programs
) -> int:
    command_line = read_command_line(arguments)
    if command_line.is_help_asked:
        return _print(help_text())
    if command_line.is_version_asked:
        return _version(())
    configuration = configure(command_line, environment)
    for notice in configuration.notices:
        _say(notice)
    return programs.serve(configuration.settings, _say)


def _config(arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    command_line = read_command_line(arguments, BY_NAME | {_FORMAT.name: _FORMAT})
    if command_line.is_help_asked:
        return _print(config_help_text())
    if command_line.is_version_asked:
        return _version(())
    command_line, form = _take_format(command_line)
    configuration = configure(command_line, environment)
    for notice in configuration.notices:
        _say(notice)
    if form == "json":
        return _print(choices_as_json(configuration.choices))
    return _print(choices_as_toml(configuration.choices, title=f"ghproxy {__version__}"))


def _take_format(command_line: CommandLine) -> tuple[CommandLine, Value]:
    form, problems = _FORMAT.default, list(command_line.problems)
    for option, text in command_line.given:
        if option is _FORMAT:
            try:
                form = _FORMAT.kind.parse(text)
            except ValueError as error:
                problems.append(f"--format: {error}; allowed: {_FORMAT.kind.allowed}")
    given = tuple(pair for pair in command_line.given if pair[0] is not _FORMAT)
    return CommandLine(given, tuple(problems)), form


def _help(arguments: Sequence[str], programs: Programs) -> int:
    match arguments:
        case [] | ["help" | "-h" | "-help" | "--help"]:
            return _print(help_text())
        case ["config"]:
            return _print(config_help_text())
        case ["version"]:
            return _version(["--help"])
        case ["simulate"]:
            return programs.simulate(["--help"])
        case _:
            raise StartError(f"help is there for: {', '.join(COMMANDS)}")


def _version(arguments: Sequence[str]) -> int:
    match arguments:
        case []:
            return _print(f"ghproxy {__version__}\n")
        case ["-h" | "-help" | "--help"]:
            return _print("Usage: ghproxy version\n       prints the version, then ends\n")
        case _:
            raise StartError("version takes no arguments")


def _print(text: str) -> int:
    """Print a result; a reader that has seen enough (`| head`) is no error."""
    error = _write(sys.stdout, text)
    if error is not None and not isinstance(error, BrokenPipeError):
        raise StartError(f"cannot write to standard output: {error.strerror}")
    return 0


def _say(line: str) -> None:
    """Tell the user something; whoever closed standard error wants to hear nothing."""
    _write(sys.stderr, f"ghproxy: {line}\n")


def _write(stream: TextIO | None, text: str) -> OSError | None:
    """Write at once what the stream can encode; None as a stream is one that was closed."""
    if stream is None:
        return None
    try:
        stream.write(text.encode(stream.encoding, "backslashreplace").decode(stream.encoding))
        stream.flush()
    except OSError as error:
        # At exit the interpreter flushes again: what fails once would fail and complain then too.
        os.dup2(os.open(os.devnull, os.O_WRONLY), stream.fileno())
        return error
    return None


def _serve(settings: Settings, announce: Announce) -> int:
    from ghproxy import assembly  # noqa: PLC0415 - the servers are not loaded for --help

    return assembly.serve(settings, announce)


def _simulate(arguments: Sequence[str]) -> int:
    from ghproxy import simulator  # noqa: PLC0415 - the simulator is not loaded for the gateway

    return simulator.main(list(arguments))
