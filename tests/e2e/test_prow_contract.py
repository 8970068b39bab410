"""Each fault that Prow's ghproxy has on the wire, as a claim that it is none here.

What its clients suffered from, and what they rely on; each was seen there (kubernetes-sigs/prow,
pkg/ghcache and the libraries below it).
"""

import concurrent.futures
import contextlib
import hashlib
import json
import socket

import pytest

from tests.support.asking import ask
from tests.support.processes import ghproxy
from tests.support.secrets import traces

REPOSITORY = "/repos/acme/anvil"
PULL = REPOSITORY + "/pulls/10"
DIFF = ("Accept", "application/vnd.github.diff")
PATCH = ("Accept", "application/vnd.github.patch")
BUDGET = "X-PROW-GHCACHE-TOKEN-BUDGET-IDENTIFIER"


@pytest.fixture(autouse=True)
def calm(github):
    """Nothing is held and nothing goes wrong once a test is over."""
    yield
    github.control("DELETE", "/holds")
    github.control("DELETE", "/faults")


@contextlib.contextmanager
def holding(github, count, **order):
    """Run the block's clients while GitHub holds what they ask; go on when `count` are held.

    Yields `start(function, *arguments)`; the answers are there after the block.
    """
    github.control("POST", "/holds", order)
    with concurrent.futures.ThreadPoolExecutor(40) as clients:
        try:
            yield clients.submit
            github.control("GET", f"/holds?held={count}&timeout_seconds=20")
        finally:
            github.control("DELETE", "/holds")


def answers_of_three(github, proxy, token):
    """One pull request as JSON, diff and patch, as GitHub gives them; then through the proxy."""
    wanted = {
        fields: ask(github.url, PULL, *fields, token=token).content
        for fields in ((), (DIFF,), (PATCH,))
    }
    assert len(set(wanted.values())) == 3
    github.forget()
    with holding(github, 3, path=PULL) as start:
        asked = [
            (fields, start(ask, proxy.url, PULL, *fields, token=token))
            for _ in range(8)
            for fields in wanted
        ]
    return [(wanted[fields], answer.result()) for fields, answer in asked]


# What is selected on


def test_diff_patch_and_json_of_one_pull_request_in_flight_together_never_mix(github, proxy):
    for wanted, got in answers_of_three(github, proxy, github.token()):
        assert (got.status, got.content) == (200, wanted)


def test_two_media_types_of_one_target_do_not_evict_each_other(github, proxy):
    token = github.token()
    modes = [ask(proxy.url, PULL, *fields, token=token).mode for fields in ((), (DIFF,)) * 3]
    assert modes == ["MISS"] * 2 + ["REVALIDATED"] * 4
    assert github.charged() == 2


def test_a_304_never_stands_for_another_media_type(github, proxy):
    token = github.token()
    document = ask(proxy.url, PULL, token=token)
    diff = ask(github.url, PULL, DIFF, token=token)
    condition = ("If-None-Match", document.value("etag"))

    for _ in range(2):
        got = ask(proxy.url, PULL, DIFF, condition, token=token)
        assert (got.status, got.content) == (200, diff.content)


def test_another_api_version_is_another_response(github, proxy):
    token = github.token()
    for version in ("2022-11-28", "2026-03-10"):
        field = ("X-GitHub-Api-Version", version)
        got = ask(proxy.url, REPOSITORY, field, token=token)
        assert (got.mode, got.value("x-github-api-version-selected")) == ("MISS", version)


def test_a_range_never_mixes_with_the_whole_nor_evicts_it(github, proxy):
    token, part = github.token(), ("Range", "bytes=0-3")
    whole = ask(github.url, REPOSITORY, token=token).content
    fault = {"field": ["range", "bytes"], "status": 206, "content": "part"}
    github.control("POST", "/faults", fault)

    with holding(github, 2, path=REPOSITORY) as start:
        parts = [start(ask, proxy.url, REPOSITORY, part, token=token)]
        wholes = [start(ask, proxy.url, REPOSITORY, token=token) for _ in range(3)]

    assert [(got.result().status, got.result().content) for got in parts] == [(206, b"part")]
    assert {(got.result().status, got.result().content) for got in wholes} == {(200, whole)}
    assert ask(proxy.url, REPOSITORY, part, token=token).mode == "SKIP"
    assert ask(proxy.url, REPOSITORY, token=token).mode == "REVALIDATED"


# The client's condition is not the cache's


def test_a_condition_on_a_cold_cache_earns_its_304_and_poisons_nothing(github, proxy):
    token = github.token()
    direct = ask(github.url, REPOSITORY, token=token)
    github.forget()

    first = ask(proxy.url, REPOSITORY, ("If-None-Match", direct.value("etag")), token=token)
    assert (first.status, first.content) == (304, b"")
    assert github.charged() == 0
    second = ask(proxy.url, REPOSITORY, token=token)
    assert (second.status, second.mode, second.content) == (200, "MISS", direct.content)


def test_a_condition_that_github_does_not_confirm_fetches_and_fills_the_cache(github, proxy):
    token, stale = github.token(), ("If-None-Match", '"' + "0" * 64 + '"')
    got = ask(proxy.url, REPOSITORY, stale, token=token)
    assert (got.status, got.mode) == (200, "MISS")
    assert ask(proxy.url, REPOSITORY, token=token).mode == "REVALIDATED"


def test_a_condition_on_a_warm_cache_is_answered_with_304_when_it_is_current(github, proxy):
    token = github.token()
    warm = ask(proxy.url, REPOSITORY, token=token)
    for condition in (warm.value("etag"), "W/" + warm.value("etag"), "*"):
        got = ask(proxy.url, REPOSITORY, ("If-None-Match", condition), token=token)
        assert (got.status, got.mode, got.content) == (304, "REVALIDATED", b"")
    stale = ask(proxy.url, REPOSITORY, ("If-None-Match", '"another"'), token=token)
    assert (stale.status, stale.content) == (200, warm.content)
    assert github.charged() == 1


def test_conditional_and_plain_clients_in_flight_together_get_their_own_answers(github, proxy):
    token = github.token()
    warm = ask(proxy.url, REPOSITORY, token=token)
    condition = ("If-None-Match", warm.value("etag"))
    with holding(github, 1, path=REPOSITORY) as start:
        plain = [start(ask, proxy.url, REPOSITORY, token=token) for _ in range(5)]
        conditional = [start(ask, proxy.url, REPOSITORY, condition, token=token) for _ in range(5)]

    assert {(got.result().status, got.result().content) for got in plain} == {(200, warm.content)}
    assert {(got.result().status, got.result().content) for got in conditional} == {(304, b"")}


# HEAD


@pytest.mark.parametrize("is_warm", [False, True])
def test_head_twice_is_200_twice(github, proxy, is_warm):
    token = github.token()
    if is_warm:
        ask(proxy.url, REPOSITORY, token=token)
    heads = [ask(proxy.url, REPOSITORY, token=token, method="HEAD") for _ in range(2)]
    assert [(head.status, head.content) for head in heads] == [(200, b"")] * 2
    assert [head.mode for head in heads] == ["REVALIDATED" if is_warm else "NO-STORE"] * 2
    assert ask(proxy.url, REPOSITORY, token=token).content


# Errors, and clients that leave


@pytest.mark.parametrize(
    "fault",
    [
        {"status": 403, "content": '{"message":"You have exceeded a secondary rate limit."}'},
        {"status": 404},
        {"status": 410},
        {"status": 429},
        {"status": 500},
        {"status": 502},
        {"status": 503},
        {"cut_at": 0},
        {"cut_at": 30},
        {"reset": True, "cut_at": 0},
        {"broken_field": "nul"},
    ],
    ids=lambda fault: "-".join(f"{name}={value}"[:12] for name, value in fault.items()),
)
def test_no_error_evicts_what_is_stored(github, proxy, fault):
    token = github.token()
    warm = ask(proxy.url, REPOSITORY, token=token)
    github.control("POST", "/faults", {"path": REPOSITORY, **fault})
    failed = ask(proxy.url, REPOSITORY, token=token)
    assert failed.status == fault.get("status", 502)
    github.control("DELETE", "/faults")
    github.forget()

    got = ask(proxy.url, REPOSITORY, token=token)

    assert (got.status, got.mode, got.content) == (200, "REVALIDATED", warm.content)
    assert github.charged() == 0


def test_a_request_that_takes_too_long_gets_prows_text_and_evicts_nothing(github):
    token = github.token()
    with ghproxy(github.url, "--request-timeout=1") as proxy:
        warm = ask(proxy.url, REPOSITORY, token=token)
        github.control("POST", "/faults", {"path": REPOSITORY, "latency_seconds": 30})
        late = ask(proxy.url, REPOSITORY, token=token)
        github.control("DELETE", "/faults")
        again = ask(proxy.url, REPOSITORY, token=token)

    assert (late.status, late.content) == (503, b"ghproxy timed out after 1s")
    assert late.value("content-type") == "text/plain; charset=utf-8"
    assert (again.mode, again.content) == ("REVALIDATED", warm.content)


def send_only(proxy, target, token):
    """A client that has asked and does not read."""
    client = socket.create_connection(("127.0.0.1", proxy.port), 20)
    lines = ["Host: gateway", "User-Agent: test/1", f"Authorization: Bearer {token}"]
    client.sendall("\r\n".join([f"GET {target} HTTP/1.1", *lines, "", ""]).encode())
    return client


def turn(proxy):
    """Come back when the gateway has looked at everything that reached it before."""
    for _ in range(3):
        assert ask(proxy.health_url, "/healthz").content == b"OK"


def test_a_leader_that_leaves_takes_nobody_along(github, proxy):
    token = github.token()
    wanted = ask(github.url, REPOSITORY, token=token).content
    github.forget()
    github.control("POST", "/holds", {"path": REPOSITORY})
    leader = send_only(proxy, REPOSITORY, token)
    github.control("GET", "/holds?held=1")
    followers = [send_only(proxy, REPOSITORY, token) for _ in range(5)]
    turn(proxy)
    leader.close()
    turn(proxy)
    github.control("DELETE", "/holds")

    for follower in followers:
        with follower, follower.makefile("rb") as answer:
            head = iter(answer.readline, b"\r\n")
            assert next(head) == b"HTTP/1.1 200 OK\r\n"
            fields = {name: value for name, _, value in (line.partition(b": ") for line in head)}
            assert fields[b"x-cache-mode"] == b"COALESCED\r\n"
            assert answer.read(len(wanted)) == wanted
    assert len(github.journal()) == 1


def test_the_only_client_of_a_request_takes_it_along(github, proxy):
    github.control("POST", "/holds", {"path": REPOSITORY})
    client = send_only(proxy, REPOSITORY, github.token())
    github.control("GET", "/holds?held=1")
    client.close()
    assert github.control("GET", "/holds?at_most=0")["held"] == 0
    turn(proxy)
    assert proxy.metrics()["concurrent_outbound_requests"] == 0


# What is nobody's business


def test_prows_own_fields_never_reach_github(github, proxy):
    token = github.token()
    fields = [
        (BUDGET, "road-runner - acme"),
        ("X-PROW-TOKEN-EXPIRES-AT", "2026-11-22T09:00:00Z"),
        ("x-prow-ghcache-anything", "1"),
    ]
    ask(proxy.url, REPOSITORY, *fields, token=token)
    ask(proxy.url, REPOSITORY, *fields, token=token)
    ask(proxy.url, REPOSITORY, *fields, token=token, method="HEAD")
    ask(proxy.url, PULL, *fields, ("Range", "bytes=0-1"), token=token)
    ask(proxy.url, "/graphql", *fields, token=token, method="POST", content=b"{}")

    entries = github.journal()
    assert len(entries) == 5
    names = {name.lower() for entry in entries for name, _ in entry["fields"]}
    assert not {name for name in names if name.startswith("x-prow")}
    assert not {"x-forwarded-for", "via", "forwarded"} & names


def test_no_token_and_none_of_the_predecessors_fields_in_answers_and_on_disk(github, tmp_path):
    token = github.token()
    directory = tmp_path / "cache"
    with ghproxy(github.url, "--cache-dir", directory, "--cache-sizeGB=0.1") as proxy:
        answers = [
            ask(proxy.url, target, ("X-PROW-TOKEN-EXPIRES-AT", "2026-11-22T09:00:00Z"), token=token)
            for target in (REPOSITORY, PULL, "/user", "/repos/acme/none")
            for _ in range(2)
        ]

    assert traces(token, directory, proxy.said) == []
    names = {name for answer in answers for name, _ in answer.fields}
    leaked = ("x-varied-", "x-prow-", "x-conditional-request", "authorization")
    assert not {name for name in names if name.startswith(leaked)}
    for answer in answers:
        assert traces(token, json.dumps(answer.fields), answer.content) == []
        assert answer.value("cache-control") not in ("no-cache", "no-store")


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
