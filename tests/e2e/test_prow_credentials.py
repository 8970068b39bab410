"""What Prow's ghproxy mixed or miscounted between credentials, and what it never let go of."""

import hashlib
import json

import pytest

from tests.support.asking import ask, holding, turn
from tests.support.processes import ghproxy

pytestmark = pytest.mark.usefixtures("calm")

REPOSITORY = "/repos/acme/anvil"
BUDGET = "X-PROW-GHCACHE-TOKEN-BUDGET-IDENTIFIER"


# Room


def test_a_thousand_clients_that_close_each_connection_leak_nothing(github, proxy):
    """Prow's client sets `Close` on every request."""
    token = github.token()

    def visits(count):
        for _ in range(count):
            got = ask(proxy.url, REPOSITORY, ("Connection", "close"), token=token)
            assert (got.status, got.value("connection")) == (200, "close")
        turn(proxy)

    visits(20)
    files, memory = proxy.open_files(), proxy.resident_bytes()
    visits(1_000)
    assert proxy.open_files() <= files
    assert proxy.resident_bytes() - memory < 5_000_000
    assert len({entry["connection"] for entry in github.journal()}) == 1


def test_a_validated_hit_writes_nothing_to_the_disk(github, tmp_path):
    token = github.token()
    directory = tmp_path / "cache"
    options = ("--cache-dir", directory, "--cache-sizeGB=0.1")

    def written():
        return {
            each: (each.stat().st_size, each.stat().st_mtime_ns) for each in directory.iterdir()
        }

    with ghproxy(github.url, *options) as proxy:
        ask(proxy.url, REPOSITORY, token=token)
    with ghproxy(github.url, *options) as proxy:
        assert ask(proxy.url, REPOSITORY, token=token).mode == "REVALIDATED"
        before = written()
        for _ in range(50):
            assert ask(proxy.url, REPOSITORY, token=token).mode == "REVALIDATED"
        assert written() == before


# Credentials


def test_old_and_new_token_of_one_user_get_separate_answers(github, proxy):
    tokens = [found["token"] for found in github.credentials("personal")[:2]]
    logins = [json.loads(ask(proxy.url, "/user", token=token).content)["login"] for token in tokens]
    again = [json.loads(ask(proxy.url, "/user", token=token).content)["login"] for token in tokens]
    assert logins == again
    assert len(set(logins)) == 2


def test_an_anonymous_304_is_never_called_free(github, proxy):
    modes = [ask(proxy.url, REPOSITORY).mode for _ in range(2)]
    assert modes == ["MISS", "CHANGED"]  # GitHub charged both
    assert github.charged() == 2


def test_answers_to_an_app_never_mix_with_anybody_elses(github, proxy):
    """GitHub says `Vary: Accept` and `public` of them: only the partition keeps them apart."""
    jwt = github.token("app_jwt")
    github.control("PUT", "/clock", {"advance_seconds": 2})
    newer = github.token("app_jwt")
    github.control("PUT", "/clock", {})
    assert jwt != newer
    warm = ask(proxy.url, "/app", token=jwt)
    assert (warm.status, warm.mode) == (200, "MISS")
    assert "public" in warm.value("cache-control")
    assert "authorization" not in warm.value("vary").lower()

    other = jwt.rpartition(".")[0] + "." + newer.rpartition(".")[2]  # another App's signature
    for token in (other, github.token(), None):
        got = ask(proxy.url, "/app", token=token)
        assert got.status == 401, got
        assert b"road-runner" not in got.content
    github.forget()
    assert ask(proxy.url, "/app", token=newer).mode == "MISS"
    (entry,) = github.journal()
    assert "if-none-match" not in {name.lower() for name, _ in entry["fields"]}


def test_each_request_for_an_access_token_mints_one_even_in_one_moment(github, proxy):
    app = github.credentials("app_jwt")[0]
    number = github.credentials("installation")[0]["installation_id"]
    target = f"/app/installations/{number}/access_tokens"
    narrow = json.dumps({"permissions": {"issues": "read"}}).encode()

    def mint(content):
        return ask(proxy.url, target, token=app["token"], method="POST", content=content)

    with holding(github, 3, path=target) as start:
        asked = [start(mint, content) for content in (b"{}", b"{}", narrow)]
    minted = [answer.result() for answer in asked]

    assert [(got.status, got.mode) for got in minted] == [(201, "SKIP")] * 3
    documents = [json.loads(got.content) for got in minted]
    assert len({document["token"] for document in documents}) == 3
    assert documents[2]["permissions"] == {"metadata": "read", "issues": "read"}
    assert documents[0]["permissions"] != documents[2]["permissions"]
    for document in documents:
        got = ask(proxy.url, "/installation/repositories", token=document["token"])
        assert (got.status, got.mode) == (200, "MISS")


def test_budgets_are_the_clients_words_or_digests(github, proxy):
    token = github.token()
    ask(proxy.url, REPOSITORY, (BUDGET, "openshift-ci - acme"), token=token)
    ask(proxy.url, REPOSITORY, token=token)
    ask(proxy.url, REPOSITORY, ("Authorization", f"token {token}"))
    ask(proxy.url, REPOSITORY)

    wanted = {
        "openshift-ci - acme",
        hashlib.sha256(f"Bearer {token}".encode()).hexdigest(),
        hashlib.sha256(f"token {token}".encode()).hexdigest(),
        hashlib.sha256(b"unknown").hexdigest(),
    }
    samples = proxy.metrics()
    for metric in ("ghcache_responses{", "github_request_duration_count{", "github_token_usage{"):
        found = {
            name.partition('token_hash="')[2].partition('"')[0]
            for name in samples
            if name.startswith(metric)
        }
        assert found == wanted, metric
