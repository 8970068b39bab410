"""What `ghproxy` does with its arguments, and what it prints where."""

import json
from collections.abc import Mapping, Sequence

import pytest

from ghproxy import __version__
from ghproxy.cli import Announce, Programs, run
from ghproxy.config import Settings, StartError
from ghproxy.config.rendering import config_help_text, help_text

PARTITION_FLAG = "--legacy-disable-disk-cache-partitions-by-auth-header"


class Started:
    """Programs that only write down what they were started with."""

    def __init__(self, status: int = 0) -> None:
        self.status = status
        self.settings: list[Settings] = []
        self.simulations: list[list[str]] = []

    def serve(self, settings: Settings, announce: Announce) -> int:
        self.settings.append(settings)
        announce("listening on port 8888")
        return self.status

    def simulate(self, arguments: Sequence[str]) -> int:
        self.simulations.append(list(arguments))
        return self.status

    def run(self, *arguments: str, environment: Mapping[str, str] | None = None) -> int:
        return run(arguments, environment or {}, Programs(self.serve, self.simulate))


def refuse(_settings: Settings, _announce: Announce) -> int:
    raise StartError("port 8888 is in use", "port 9090 is in use")


def interrupt(*_: object) -> int:
    raise KeyboardInterrupt


def test_without_a_command_the_gateway_runs_and_announces_on_standard_error(capsys):
    started = Started()
    assert started.run("--port", "9") == 0
    assert [settings.listen.port for settings in started.settings] == [9]
    assert capsys.readouterr() == ("", "ghproxy: listening on port 8888\n")


def test_the_exit_status_of_the_gateway_is_ours():
    assert Started(status=3).run() == 3


def test_notices_are_told_before_the_gateway_runs(capsys):
    Started().run(PARTITION_FLAG, environment={"GHPROXY_PROT": "9"})
    assert [line.partition(" ")[2][:20] for line in capsys.readouterr().err.splitlines()] == [
        "unknown environment ",
        PARTITION_FLAG[:20],
        "listening on port 88",
    ]


def test_every_mistake_is_one_line_and_nothing_runs(capsys):
    started = Started()
    assert started.run("--prot=9", "--concurrency=0") == 2
    assert started.settings == []
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors == (
        "ghproxy: unknown option --prot; did you mean --port?\n"
        'ghproxy: --concurrency: "0" is out of range; '
        "allowed: a whole number from 1 to 1000000\n"
    )


def test_a_gateway_that_cannot_start_says_why_in_one_line_each(capsys):
    assert run([], {}, Programs(refuse, interrupt)) == 2
    assert capsys.readouterr() == (
        "",
        "ghproxy: port 8888 is in use\nghproxy: port 9090 is in use\n",
    )


@pytest.mark.parametrize("arguments", [[], ["simulate"]])
def test_an_interrupt_is_quiet(arguments, capsys):
    assert run(arguments, {}, Programs(interrupt, interrupt)) == 130
    assert capsys.readouterr() == ("", "")


@pytest.mark.parametrize(
    "arguments", [["--help"], ["-h"], ["--port=9", "-help"], ["help"], ["help", "--help"]]
)
def test_help_is_printed_and_nothing_runs(arguments, capsys):
    started = Started()
    assert started.run(*arguments) == 0
    assert capsys.readouterr() == (help_text(), "")
    assert started.settings == []


@pytest.mark.parametrize("arguments", [["config", "--help"], ["config", "-h"], ["help", "config"]])
def test_config_has_a_help_of_its_own(arguments, capsys):
    assert Started().run(*arguments) == 0
    assert capsys.readouterr() == (config_help_text(), "")


@pytest.mark.parametrize(
    "arguments", [["--version"], ["-version"], ["version"], ["config", "--version"]]
)
def test_the_version_is_printed(arguments, capsys):
    assert Started().run(*arguments) == 0
    assert capsys.readouterr() == (f"ghproxy {__version__}\n", "")


def test_the_version_has_a_help_and_takes_nothing_else(capsys):
    assert Started().run("version", "--help") == 0
    assert capsys.readouterr().out.startswith("Usage: ghproxy version\n")
    assert Started().run("version", "--port=9") == 2
    assert capsys.readouterr().err == "ghproxy: version takes no arguments\n"


def test_help_for_nothing_we_know_names_the_commands(capsys):
    assert Started().run("help", "cofnig") == 2
    assert capsys.readouterr().err == (
        "ghproxy: help is there for: config, simulate, help, version\n"
    )


@pytest.mark.parametrize("command", ["help", "version"])
def test_help_is_there_for_the_small_commands_too(command, capsys):
    assert Started().run("help", command) == 0
    assert capsys.readouterr().out.startswith("Usage: ghproxy")


def test_simulate_gets_its_arguments_as_they_are():
    started = Started(status=4)
    assert started.run("simulate", "--port", "9", "--", "-x") == 4
    assert started.run("simulate", "--help") == 4
    assert started.run("help", "simulate") == 4
    assert started.simulations == [["--port", "9", "--", "-x"], ["--help"], ["--help"]]
    assert started.settings == []


def test_config_prints_values_and_sources_and_runs_nothing(capsys):
    started = Started()
    assert started.run("config", "--port=9", environment={"GHPROXY_HOST": "::1"}) == 0
    output, errors = capsys.readouterr()
    assert output.startswith(f"# ghproxy {__version__}\nport = 9 ")
    assert "# environment: GHPROXY_HOST\n" in output
    assert errors == ""
    assert started.settings == []


def test_config_prints_json_for_programs(capsys):
    assert Started().run("config", "--format", "toml", "--format", "json", "--port=9") == 0
    rows = json.loads(capsys.readouterr().out)
    assert rows[0] == {"option": "port", "value": 9, "source": "command line", "place": ""}


def test_config_fails_where_the_gateway_would_not_start(capsys):
    assert Started().run("config", "--format=yaml", "--port=x") == 2
    output, errors = capsys.readouterr()
    assert output == ""
    assert errors == (
        'ghproxy: --format: "yaml" is not one of its words; allowed: toml, json\n'
        'ghproxy: --port: "x" is not a whole number; '
        "allowed: a whole number from 0 to 65535 (0 takes any free port)\n"
    )


def test_config_tells_notices_beside_its_result(capsys):
    assert Started().run("config", PARTITION_FLAG) == 0
    assert capsys.readouterr().err.startswith(f"ghproxy: {PARTITION_FLAG} has")


def test_the_format_is_an_option_of_config_alone(capsys):
    assert Started().run("--format=json") == 2
    assert capsys.readouterr().err.startswith("ghproxy: unknown option --format")


def test_a_mistyped_command_is_told_with_the_nearest(capsys):
    assert Started().run("confg") == 2
    assert 'did you mean the command "config"?' in capsys.readouterr().err
