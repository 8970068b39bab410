"""The command line is read as Go's flag package reads it, and mistakes are all reported."""

import pytest

from ghproxy.config import read_command_line


def given(*arguments: str) -> list[tuple[str, str]]:
    command_line = read_command_line(arguments)
    assert not command_line.problems
    return [(option.name, text) for option, text in command_line.given]


def problems(*arguments: str) -> tuple[str, ...]:
    return read_command_line(arguments).problems


@pytest.mark.parametrize(
    "arguments", [("--port=9",), ("--port", "9"), ("-port=9",), ("-port", "9")]
)
def test_a_value_is_given_in_four_spellings(arguments):
    assert given(*arguments) == [("port", "9")]


@pytest.mark.parametrize("arguments", [("--serve-metrics",), ("-serve-metrics=true",)])
def test_a_boolean_needs_no_value(arguments):
    assert given(*arguments, "--port=9") == [("serve-metrics", "true"), ("port", "9")]


def test_a_boolean_takes_a_value_only_behind_an_equals_sign():
    assert given("--serve-metrics=false") == [("serve-metrics", "false")]
    assert problems("--serve-metrics", "false") == (
        '--serve-metrics: write --serve-metrics=false, a separate "false" is not read',
    )


def test_a_value_may_hold_an_equals_sign_be_empty_or_begin_with_a_dash():
    assert given("--cache-dir=a=b", "--host=", "--cache-dir", "--port", "--port", "-1") == [
        ("cache-dir", "a=b"),
        ("host", ""),
        ("cache-dir", "--port"),
        ("port", "-1"),
    ]


def test_repeated_options_keep_their_order():
    assert given("--port=1", "--port=2") == [("port", "1"), ("port", "2")]


def test_two_dashes_end_the_options():
    assert given("--port=1", "--") == [("port", "1")]
    assert problems("--", "--port=1", "config") == (
        "unexpected argument; options are written --name=value",
        'the command comes first: "ghproxy config ..."',
    )


def test_a_missing_value_is_told_with_what_is_allowed():
    (problem,) = problems("--port")
    assert problem.startswith("--port: a value is missing; allowed: a whole number from 0 to 65535")


@pytest.mark.parametrize(
    ("argument", "meant"),
    [
        ("--prot", "--port"),
        ("-cache-sizegb", "--cache-sizeGB"),
        ("--cache_dir", "--cache-dir"),
        ("--CONCURRENCY", "--concurrency"),
        ("--no-serve-metrics", "--serve-metrics"),
        ("--hlep", "--help"),
        ("--verison", "--version"),
    ],
)
def test_an_unknown_option_is_told_with_the_nearest_name(argument, meant):
    (problem,) = problems(argument)
    assert problem.startswith(f"unknown option {argument.replace('-', '--', argument[1] != '-')}")
    assert problem.endswith(f"; did you mean {meant}?")


def test_an_unknown_option_like_no_other_points_to_the_help():
    assert problems("--qqqq") == ("unknown option --qqqq; ghproxy --help lists all of them",)


@pytest.mark.parametrize("argument", ["---port=1", "--=1", "-=", "--po rt", "--pört"])
def test_a_malformed_option_is_told(argument):
    assert problems(argument) == ("an option is malformed; options are written --name=value",)


def test_every_mistake_is_reported_and_the_value_of_an_unknown_option_is_not_another():
    assert problems("--prot", "9", "--pport=9", "--qqqq", "--concurrency") == (
        "unknown option --prot; did you mean --port?",
        "unknown option --pport; did you mean --port?",
        "unknown option --qqqq; ghproxy --help lists all of them",
        "--concurrency: a value is missing; allowed: a whole number from 1 to 1000000",
    )


def test_an_argument_that_is_no_option_is_a_mistake():
    assert problems("cofnig") == (
        'unexpected argument "cofnig"; did you mean the command "config"?',
    )
    assert problems("--port=1", "config") == ('the command comes first: "ghproxy config ..."',)
    assert problems("zzz", "-") == (
        'unexpected argument "zzz"; options are written --name=value',
        "unexpected argument; options are written --name=value",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ("ghp_0123456789abcdefSECRET",),
        ("--token=ghp_SECRET",),
        ("--token", "ghp_SECRET"),
        ("--", "ghp_SECRET"),
        ("--serve-metrics", "ghp_SECRET"),
        ("--token:ghp_SECRET",),
    ],
)
def test_what_may_be_a_secret_is_not_repeated(arguments):
    told = problems(*arguments)
    assert told
    assert "SECRET" not in str(told)


@pytest.mark.parametrize("argument", ["-h", "--h", "-help", "--help", "--help=x"])
def test_help_is_asked_for_in_go_spellings(argument):
    command_line = read_command_line(["--prot", argument, "--port"])
    assert command_line.is_help_asked
    assert not command_line.problems


@pytest.mark.parametrize("argument", ["-version", "--version"])
def test_the_version_is_asked_for(argument):
    assert read_command_line([argument]).is_version_asked


def test_help_behind_two_dashes_or_as_a_value_is_no_help():
    assert not read_command_line(["--", "--help"]).is_help_asked
    assert given("--cache-dir", "--help") == [("cache-dir", "--help")]
