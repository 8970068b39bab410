"""docs/configuration.md says what the code does."""

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from ghproxy.config import OPTIONS, Owner, configure, read_command_line
from ghproxy.config.rendering import toml_value

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
EFFECTIVE = [option for option in OPTIONS if option.has_effect and not option.lacking]

PROW = """
    cache-dir cache-sizeGB legacy-disable-disk-cache-partitions-by-auth-header redis-address
    redis-username redis-secret-file port upstream concurrency throttling-time-ms
    throttling-time-v4-ms get-throttling-time-ms throttling-max-delay-duration-seconds
    throttling-max-delay-duration-v4-seconds push-gateway push-gateway-interval log-level
    serve-metrics request-timeout metrics-port pprof-port health-port profile-memory-usage
    memory-profile-interval
"""


def generate(*arguments: str, root: Path = ROOT) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, root / "scripts" / "generate-docs", *arguments],
        capture_output=True,
        text=True,
        check=False,
    )


def section(name: str) -> str:
    """The option's own section, without those of its neighbours."""
    _, found, rest = PAGE.partition(f"### `--{name}`\n")
    if not found:
        _, _, rest = PAGE.partition(f"### `--{name} ")
    return rest.partition("\n#")[0]


def test_no_generated_page_is_stale():
    done = generate("--check")
    assert (done.returncode, done.stderr) == (0, "")


def test_a_stale_page_is_named_and_written_again(tmp_path):
    for folder in ("scripts", "ghproxy", "docs"):
        shutil.copytree(ROOT / folder, tmp_path / folder)
    page = tmp_path / "docs" / "configuration.md"
    page.write_text(PAGE + "an edit by hand\n")

    checked = generate("--check", root=tmp_path)
    assert checked.returncode == 1
    assert checked.stderr == "docs/configuration.md is stale: run scripts/generate-docs\n"
    assert page.read_text() != PAGE

    assert generate(root=tmp_path).stdout == "wrote docs/configuration.md\n"
    assert page.read_text() == PAGE

    page.unlink()
    assert generate("--check", root=tmp_path).returncode == 1


def test_the_generator_refuses_other_arguments():
    assert generate("--chekc").returncode == 2


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_every_option_is_on_the_page(option):
    assert f"`--{option.name} {option.kind.placeholder}".rstrip() + "`" in PAGE


@pytest.mark.parametrize("option", EFFECTIVE, ids=lambda option: option.name)
def test_an_option_with_an_effect_has_a_user_a_default_and_a_variable_on_the_page(option):
    text = section(option.name)
    default = option.default_text or f"`{toml_value(option.default)}`".replace('`""`', "none")
    assert f"- Who sets it: {option.user}\n" in text
    assert f"- Default: {default}\n" in text
    assert f"- Allowed: {option.kind.allowed}\n" in text
    assert f"- Environment: `{option.variable}`\n" in text
    assert option.user


@pytest.mark.parametrize("option", OPTIONS, ids=lambda option: option.name)
def test_the_default_on_the_page_is_the_one_in_effect(option):
    choices = configure(read_command_line([]), {}, cache_directory=str(option.default)).choices
    assert choices[option.name].value == option.default
    assert choices[option.name].source == "default"


def test_prows_options_are_all_there_under_their_own_names():
    assert {option.name for option in OPTIONS if option.owner is Owner.PROW} == set(PROW.split())


def test_no_two_options_share_a_variable():
    assert len({option.variable for option in OPTIONS}) == len(OPTIONS)
