"""The table and the choices as text: for people, for `--config`, for programs."""

import json

import pytest

from ghproxy.config import OPTIONS, configure, read_command_line
from ghproxy.config.rendering import (
    choices_as_json,
    choices_as_toml,
    config_help_text,
    help_text,
)


@pytest.mark.parametrize("text", [help_text(), config_help_text()])
def test_help_fits_a_terminal_and_begins_with_usage_and_example(text):
    lines = text.splitlines()
    assert max(len(line) for line in lines) <= 80
    assert lines[0].startswith("Usage: ghproxy")
    assert lines[3].startswith("Example: ghproxy")


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_help_names_every_option(option):
    assert f"--{option.name}" in help_text()


def test_help_shows_defaults_and_keeps_prows_options_and_ours_apart():
    prows, ours = help_text().split("Our own:")
    assert "--port PORT                   where clients connect [8888]" in prows
    assert "--cache-store disk|memory     disk or memory [disk]" in ours


def test_an_option_without_effect_is_not_listed_among_those_that_have_one():
    _, tail = help_text().split("accepted and without effect")
    inert, lacking = tail.split("accepted with their defaults only")
    assert "--serve-metrics" in inert
    assert "--redis-address" in lacking
    assert help_text().count("--serve-metrics") == help_text().count("--redis-address") == 1


def test_the_listing_is_a_file_that_means_the_same(tmp_path):
    first = tmp_path / "first.toml"
    first.write_text("concurrency = 9\nmemory-sizeMB = 1.5")
    arguments = ["--config", str(first), "--port=9", "--host=::1", '--cache-dir=/a "b"\\c']
    arguments += ["--cache-sizeGB=0.25", "--upstream-total-timeout=90s", "--log-level=trace"]
    configuration = configure(read_command_line(arguments), {"GHPROXY_METRICS_PORT": "0"})
    second = tmp_path / "second.toml"
    second.write_text(choices_as_toml(configuration.choices, title="title"))
    again = configure(read_command_line(["--config", str(second)]), {})
    assert again.settings == configuration.settings


def test_the_listing_says_where_each_value_comes_from(tmp_path):
    file = tmp_path / "x.toml"
    file.write_text("concurrency = 9")
    environment = {"GHPROXY_HOST": "::1"}
    command_line = read_command_line(["--config", str(file), "--port=9"])
    text = choices_as_toml(configure(command_line, environment).choices, title="title")
    lines = {line.partition(" = ")[0]: " ".join(line.split()) for line in text.splitlines()}
    assert lines["port"] == "port = 9 # command line"
    assert lines["host"] == 'host = "::1" # environment: GHPROXY_HOST'
    assert lines["concurrency"] == f"concurrency = 9 # file: {file}"
    assert lines["serve-metrics"] == "serve-metrics = false # default"
    assert lines["# config"] == f'# config = "{file}" # command line'


def test_programs_get_the_listing_as_json():
    choices = configure(read_command_line(["--port=9"]), {"GHPROXY_HOST": "::1"}).choices
    rows = {row.pop("option"): row for row in json.loads(choices_as_json(choices))}
    assert list(rows) == [option.name for option in OPTIONS]
    assert rows["port"] == {"value": 9, "source": "command line", "place": ""}
    assert rows["host"] == {"value": "::1", "source": "environment", "place": "GHPROXY_HOST"}
    assert rows["serve-metrics"] == {"value": False, "source": "default", "place": ""}
