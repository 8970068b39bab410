"""The table and the choices as text: `--help`, and what `ghproxy config` prints."""

import textwrap
from collections.abc import Iterable, Mapping
from typing import Final

import msgspec

from ghproxy.config.choices import Choice, Source
from ghproxy.config.kinds import Value
from ghproxy.config.option import Option, Owner
from ghproxy.config.options import OPTIONS

WIDTH: Final = 80
_SUMMARY_COLUMN: Final = 32

_HEAD: Final = """\
Usage: ghproxy [OPTION]...          run the caching gateway in front of GitHub
       ghproxy COMMAND [OPTION]...  config, simulate, help or version

Example: ghproxy --port 8888 --cache-dir /cache --cache-sizeGB 10
         curl http://localhost:8888/repos/kubernetes/test-infra
"""
_COMMANDS: Final = """\
Commands:
  config                        print every option's value and its source
  simulate                      run a GitHub to try it with, on this machine
  help [COMMAND]                print this, or the help of a command
  version                       print the version
"""
_TAIL: Final = """\
Also written --name VALUE, -name=VALUE, --flag, --flag=false; the last one wins.
The same names are keys of the --config file and, as in GHPROXY_CACHE_DIR,
environment variables. Order: command line, environment, file, default.
All about each option: docs/configuration.md
"""
_CONFIG_HELP: Final = """\
Usage: ghproxy config [--format toml|json] [OPTION]...
       prints each option's value and where it comes from, then ends

Example: ghproxy config --port 9000 > ghproxy.toml
         ghproxy --config ghproxy.toml

It takes the options of ghproxy itself, and --format:
  toml   a file that --config reads, with the source of each value beside it
  json   the same as a list of objects: option, value, source, place
Exit status 2: ghproxy would not start with these options; the reasons are told.
"""


def help_text() -> str:
    """What `ghproxy --help` prints."""
    ours = [option for option in OPTIONS if option.owner is Owner.OURS]
    prows = [it for it in OPTIONS if it.owner is Owner.PROW and it.has_effect and not it.lacking]
    sections = [
        _HEAD,
        _COMMANDS,
        "Prow's options:\n" + _option_lines(prows),
        "Our own:\n" + _option_lines(ours),
        "Prow's, accepted and without effect:\n"
        + _paragraph(f"--{option.name}" for option in OPTIONS if not option.has_effect),
        "Prow's, accepted with their defaults only, because their features are not here:\n"
        + _paragraph(f"--{option.name}" for option in OPTIONS if option.lacking),
        _TAIL,
    ]
    return "\n".join(sections)


def config_help_text() -> str:
    """What `ghproxy config --help` prints."""
    return _CONFIG_HELP


def _option_lines(options: Iterable[Option]) -> str:
    return "".join(_option_line(option) for option in options)


def _option_line(option: Option) -> str:
    left = f"  --{option.name} {option.kind.placeholder}".rstrip()
    right = f"{option.summary}{_default_note(option)}"
    separator = " " * (_SUMMARY_COLUMN - len(left))
    if len(left) >= _SUMMARY_COLUMN - 1:
        separator = "\n" + " " * _SUMMARY_COLUMN
    wrapped = textwrap.wrap(
        right, WIDTH - _SUMMARY_COLUMN, break_on_hyphens=False, break_long_words=False
    )
    return left + separator + ("\n" + " " * _SUMMARY_COLUMN).join(wrapped) + "\n"


def _default_note(option: Option) -> str:
    return f" [{option.default}]" if option.default != "" else ""


def _paragraph(words: Iterable[str]) -> str:
    text = ", ".join(words)
    lines = textwrap.wrap(
        text, WIDTH, initial_indent="  ", subsequent_indent="  ", break_on_hyphens=False
    )
    return "\n".join(lines) + "\n"


def choices_as_toml(choices: Mapping[str, Choice], title: str) -> str:
    """A file that `--config` reads, each value with its source beside it."""
    lines = {name: f"{name} = {toml_value(choice.value)}" for name, choice in choices.items()}
    # A file cannot name another file, so the one that was read is only mentioned.
    lines["config"] = "# " + lines["config"]
    width = min(max(map(len, lines.values())), WIDTH - 20)
    body = [f"{lines[name]:{width}}  # {_source(choice)}" for name, choice in choices.items()]
    return "\n".join([f"# {title}", *body]) + "\n"


def choices_as_json(choices: Mapping[str, Choice]) -> str:
    """The same for programs."""
    rows = [
        {"option": name, "value": it.value, "source": it.source, "place": it.place}
        for name, it in choices.items()
    ]
    return msgspec.json.format(msgspec.json.encode(rows), indent=2).decode() + "\n"


def toml_value(value: Value) -> str:
    """A value as TOML writes it; JSON writes strings, numbers and booleans alike."""
    return msgspec.json.encode(value).decode()


def _source(choice: Choice) -> str:
    if choice.source in (Source.ENVIRONMENT, Source.FILE):
        return f"{choice.source}: {choice.place}"
    return str(choice.source)
