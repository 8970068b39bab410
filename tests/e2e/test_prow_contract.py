"""Each fault that Prow's ghproxy has on the wire, as a claim that it is none here.

What its clients suffered from, and what they rely on; each was seen there (kubernetes-sigs/prow,
pkg/ghcache and the libraries below it).
"""

import json

import pytest

from tests.support.asking import ask, holding, send_only, turn
from tests.support.processes import ghproxy
from tests.support.secrets import traces

pytestmark = pytest.mark.usefixtures("calm")

REPOSITORY = "/repos/acme/anvil"
PULL = REPOSITORY + "/pulls/10"
DIFF = ("Accept", "application/vnd.github.diff")
PATCH = ("Accept", "application/vnd.github.patch")
BUDGET = "X-PROW-GHCACHE-TOKEN-BUDGET-IDENTIFIER"


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
    sent = [
        [value for name, value in entry["fields"] if name.lower() == "if-none-match"]
        for entry in github.journal()
    ]
    own = ["W/" + warm.value("etag")]  # of the gzip form, which is what is stored
    assert sent == [[], own, own, own, own]


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


def test_a_client_that_leaves_the_queue_gives_up_its_place(github):
    github.forget()
    token = github.token()
    with ghproxy(github.url, "--concurrency=1") as proxy:
        github.control("POST", "/holds", {})
        with send_only(proxy, REPOSITORY, token) as first:
            github.control("GET", "/holds?held=1")
            second = send_only(proxy, PULL, token)
            turn(proxy)
            assert proxy.metrics()["pending_outbound_requests"] == 1
            second.close()
            turn(proxy)
            assert proxy.metrics()["pending_outbound_requests"] == 0
            github.control("DELETE", "/holds")
            assert first.recv(15) == b"HTTP/1.1 200 OK"
        assert ask(proxy.url, "/user", token=token).status == 200
    assert [entry["target"] for entry in github.journal()] == [REPOSITORY, "/user"]


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


def test_every_line_of_a_field_reaches_github(github, proxy):
    """Prow's GraphQL client sends two lines of Accept."""
    lines = [("Accept", f"application/vnd.github.{name}+json") for name in ("antiope", "merge")]
    ask(proxy.url, "/graphql", *lines, token=github.token(), method="POST", content=b"{}")
    ask(proxy.url, REPOSITORY, *lines, token=github.token())
    for entry in github.journal():
        sent = [value for name, value in entry["fields"] if name.lower() == "accept"]
        assert sent == [value for _, value in lines]


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
