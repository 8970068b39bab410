"""Reads the environment and the file, and puts them under the command line.

Kubernetes sets variables for every Service: one named `ghproxy` brings `GHPROXY_PORT=tcp://...`
into every pod of the namespace, so that a variable may be ours by name and not by intention.
"""

import re
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Final

from ghproxy.config.choices import Choices, Source
from ghproxy.config.command_line import CommandLine
from ghproxy.config.kinds import shown
from ghproxy.config.options import BY_NAME, BY_VARIABLE, nearest

_PREFIX: Final = "GHPROXY_"
_SERVICE_LINK_NAME: Final = re.compile(
    r"GHPROXY_(?:\w+_)?(?:SERVICE_HOST|SERVICE_PORT(?:_\w+)?|PORT_[0-9]+_(?:TCP|UDP|SCTP)(?:_\w+)?)"
)
_SERVICE_LINK_VALUE: Final = re.compile(r"(?:tcp|udp|sctp)://\S+")
_TYPE_WORDS: Final[dict[type, str]] = {
    bool: "a boolean",
    int: "a whole number",
    float: "a number",
    str: "a string",
    list: "an array",
    dict: "a table",
}
_CONFIG: Final = BY_NAME["config"]


def choose(
    command_line: CommandLine, environment: Mapping[str, str], cache_directory: str
) -> Choices:
    """All sources, the strongest last; problems of every source are collected, never raised."""
    choices = Choices(cache_directory)
    file = _file_name(command_line, environment)
    if file:
        _take_file(file, choices)
    _take_environment(environment, choices)
    choices.problems += command_line.problems
    for option, text in command_line.given:
        choices.take(option, text, Source.COMMAND_LINE)
    return choices


def _file_name(command_line: CommandLine, environment: Mapping[str, str]) -> str:
    given = [text for option, text in command_line.given if option is _CONFIG]
    text = given[-1] if given else environment.get(_CONFIG.variable, "")
    try:
        return str(_CONFIG.kind.parse(text))
    except ValueError:
        return ""  # its own source reports it


def _take_environment(environment: Mapping[str, str], choices: Choices) -> None:
    for variable, text in sorted(environment.items()):
        if not variable.startswith(_PREFIX) or _is_service_link(variable, text):
            continue
        option = BY_VARIABLE.get(variable)
        if option is None:
            meant = nearest(variable.removeprefix(_PREFIX), BY_NAME)
            hint = f"; did you mean {BY_NAME[meant].variable}?" if meant else ""
            choices.notices.append(f"unknown environment variable {variable} is ignored{hint}")
        elif text:  # empty means not set, as compose files and charts write it
            choices.take(option, text, Source.ENVIRONMENT, variable)


def _is_service_link(variable: str, text: str) -> bool:
    if _SERVICE_LINK_NAME.fullmatch(variable):
        return True
    return variable.endswith("_PORT") and _SERVICE_LINK_VALUE.fullmatch(text) is not None


def _take_file(file: str, choices: Choices) -> None:
    try:
        document = tomllib.loads(Path(file).read_bytes().decode("utf-8-sig"))
    except OSError as error:
        choices.problems.append(f"--config: cannot read {file}: {error.strerror}")
    except UnicodeDecodeError:
        choices.problems.append(f"--config: {file} is not UTF-8")
    except tomllib.TOMLDecodeError as error:
        choices.problems.append(f"--config: {file} is not TOML: {error}")
    except (ValueError, RecursionError):  # a number of 5,000 digits, 1,000 nested arrays
        choices.problems.append(f"--config: {file} holds what no option can mean")
    else:
        for key, value in document.items():
            _take_key(key, value, file, choices)


def _take_key(key: str, value: object, file: str, choices: Choices) -> None:
    option = BY_NAME.get(key)
    if option is None or option is _CONFIG:
        choices.problems.append(f"--config: {file}: {_unknown_key(key, value)}")
    elif type(value) not in option.kind.file_types:
        needed = _TYPE_WORDS[option.kind.file_types[-1]]
        what = f"{_type_word(value)} was written where {needed} is needed"
        choices.refuse(option, what, Source.FILE, file)
    else:
        choices.take(option, _text(value), Source.FILE, file)


def _unknown_key(key: str, value: object) -> str:
    if key == _CONFIG.name:
        return "a file cannot name another file"
    if isinstance(value, dict):
        return f"unknown table {shown(key)}; options stand at the top, outside of tables"
    meant = nearest(key, BY_NAME)
    return f"unknown key {shown(key)}" + (f'; did you mean "{meant}"?' if meant else "")


def _type_word(value: object) -> str:
    return _TYPE_WORDS.get(type(value), "a date or time")


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)
