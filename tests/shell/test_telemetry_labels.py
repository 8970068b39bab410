import asyncio

import pytest
from prometheus_client.parser import text_string_to_metric_families

from ghproxy.core.outcome import CacheMode, Outcome, Sent
from ghproxy.telemetry import Telemetry
from ghproxy.telemetry.labels import budget_label, user_agent_label

DIGEST = "0123456789abcdef" * 4
CREDENTIALS = [
    "ghp_" + "s3cr3tS3CR3T" * 3,
    "gho_" + "s3cr3tS3CR3T" * 3,
    "ghu_" + "s3cr3tS3CR3T" * 3,
    "ghs_" + "s3cr3tS3CR3T" * 3,
    "ghr_" + "s3cr3tS3CR3T" * 3,
    "github_pat_11AAA_s3cr3tS3CR3T",
    "ghs_12345_eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJzM2NyM3QifQ.s3cr3t-S3CR3T_x",
    "eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJzM2NyM3QifQ.s3cr3t-S3CR3T_x",
    "0123456789abcdef0123456789abcdef01234567",
    "v1.0123456789abcdef0123456789abcdef01234567",
]


@pytest.mark.parametrize("credential", CREDENTIALS)
@pytest.mark.parametrize("form", ["{}", "client {}", "Bearer {}", "x={};y", "{}/1.0", "a/{}"])
def test_a_credential_is_masked_wherever_a_client_puts_it(credential: str, form: str) -> None:
    text = form.format(credential)
    for label in (user_agent_label(text), budget_label(text)):
        assert credential not in label
        assert "s3cr3t" not in label.lower()
        assert "89abcdef" not in label


def test_a_masked_name_keeps_what_is_not_secret() -> None:
    assert user_agent_label("bot ghp_0123456789/1.0") == "bot masked"
    assert budget_label("acme - ghs_0123456789") == "acme - masked"


@pytest.mark.parametrize("text", [DIGEST, "openshift-ci - openshift", "1234567", "k8s-ci-robot"])
def test_a_budget_is_shown_as_it_came(text: str) -> None:
    assert budget_label(text) == text


@pytest.mark.parametrize(
    ("user_agent", "label"),
    [
        ("hook.trigger/v20231", "hook.trigger"),
        ("PyGithub/Python", "PyGithub"),
        ("GitHub CLI 2.40.1", "GitHub CLI 2.40.1"),
        ("", ""),
        ("/nothing before", ""),
        ("bell\x07/1", "other"),
        ("line\nbreak", "other"),
        ("x" * 64, "x" * 64),
        ("x" * 65, "other"),
        ("x" * 100_000, "other"),
        ("\ud800", "other"),
    ],
)
def test_a_user_agent_is_cut_at_its_first_slash_or_is_other(user_agent: str, label: str) -> None:
    assert user_agent_label(user_agent) == label


@pytest.mark.parametrize(
    ("budget", "label"),
    [
        ("a\nb\x00c", "a?b?c"),
        ("x" * 129, "x" * 128),
        ("x" * 100_000, "x" * 128),
        ("\udcff", "?"),
        ("", ""),
    ],
)
def test_a_budget_is_made_printable_and_short(budget: str, label: str) -> None:
    assert budget_label(budget) == label


@pytest.mark.parametrize("credential", CREDENTIALS)
def test_no_credential_that_a_client_misplaces_reaches_a_scrape(credential: str) -> None:
    class Clock:
        def now(self) -> float:
            return 0.0

        monotonic = now

    ours = Telemetry(Clock(), outbound=lambda: (0, 0))
    target = f"/repos/{credential}/x/issues/{credential}?access_token={credential}".encode()
    ours.record(Outcome("GET", target, credential, credential, CacheMode.MISS, 200, 0.1))
    ours.record_sent(Sent("GET", target, credential, credential, 200, 0.1))
    text = asyncio.run(ours.exposition()).decode()
    assert credential not in text
    assert "s3cr3t" not in text.lower()
    assert 'user_agent="masked"' in text


def test_quotes_and_backslashes_survive_a_parser() -> None:
    class Clock:
        def now(self) -> float:
            return 0.0

        monotonic = now

    ours = Telemetry(Clock(), outbound=lambda: (0, 0))
    hostile = 'a"} 1\\n{x="'
    ours.record(Outcome("GET", b"/", hostile, hostile, CacheMode.MISS, 200, 0.1))
    text = asyncio.run(ours.exposition()).decode()
    (responses,) = (
        family
        for family in text_string_to_metric_families(text)
        if family.name == "ghcache_responses"
    )
    assert responses.samples[0].labels["token_hash"] == hostile
    assert responses.samples[0].labels["user_agent"] == hostile
