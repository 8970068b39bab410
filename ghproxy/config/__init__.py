"""From the command line, the environment and a file to the components' own settings.

`options` is the table; `command_line` and `sources` read what was given, `choices` keeps which
source won, `settings` judges the whole and hands it out. Nothing here prints or exits.
"""

from ghproxy.config.choices import Choice, Source, StartError
from ghproxy.config.command_line import COMMANDS, CommandLine, read_command_line
from ghproxy.config.option import CacheStore, LogLevel, Option, Owner, UpstreamClient
from ghproxy.config.options import BY_NAME, OPTIONS
from ghproxy.config.settings import (
    CacheSettings,
    Configuration,
    GatewaySettings,
    ListenSettings,
    Settings,
    configure,
)

__all__ = [
    "BY_NAME",
    "COMMANDS",
    "OPTIONS",
    "CacheSettings",
    "CacheStore",
    "Choice",
    "CommandLine",
    "Configuration",
    "GatewaySettings",
    "ListenSettings",
    "LogLevel",
    "Option",
    "Owner",
    "Settings",
    "Source",
    "StartError",
    "UpstreamClient",
    "configure",
    "read_command_line",
]
