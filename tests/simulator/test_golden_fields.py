"""Fields of answers against recorded ones: names per case, values where they are constant."""

import re

import httpx
import pytest

from tests.simulator.driver import GZIP, PLAIN, Stage, play, shared

FRAMING = {"content-length", "transfer-encoding", "content-encoding"}
"""Recorders decode content and drop or keep these as they please."""
LATER = {"x-github-edge-region"}
"""Seen from August 2026 on; earlier recordings lack it."""
CONSTANT = (
    "cache-control",
    "content-type",
    "vary",
    "access-control-allow-origin",
    "strict-transport-security",
    "x-frame-options",
    "x-content-type-options",
    "x-xss-protection",
    "referrer-policy",
    "content-security-policy",
    "x-github-media-type",
    "x-github-api-version-selected",
    "x-poll-interval",
    "accept-ranges",
    "x-ratelimit-resource",
)
FINE, CLASSIC, OLD_CLASSIC = "fine_grained:ada", "personal:ada", "personal:carol"
REF = {"ref": "refs/heads/new", "sha": "HEAD"}
# case: credential, method, target, JSON, request fields
CASES = {
    "200 auth repo": (FINE, "GET", "/repos/acme/anvil", None, GZIP),
    "200 auth list with Link": (CLASSIC, "GET", "/search/issues?q=repo:acme/anvil", None, PLAIN),
    "200 anon repo": (None, "GET", "/repos/acme/anvil", None, GZIP),
    "200 JWT /app*": ("app_jwt", "GET", "/app", None, GZIP),
    "201 access_tokens": ("app_jwt", "POST", "MINT", {}, PLAIN),
    "304 auth": ("installation:1", "GET", "/repos/acme/anvil/issues", None, {"If-None-Match": "*"}),
    "200 search": (CLASSIC, "GET", "/search/issues?q=repo:acme/anvil", None, PLAIN),
    "200 code search": (FINE, "GET", "/search/code?q=beep&page=2&per_page=2", None, GZIP),
    "200 contents": (CLASSIC, "GET", "/repos/acme/anvil/contents/src", None, GZIP),
    "200 git ref": (FINE, "GET", "/repos/acme/anvil/git/ref/heads/feature/x", None, GZIP),
    "200 git tree": (FINE, "GET", "/repos/acme/anvil/git/trees/main", None, GZIP),
    "200 graphql": (CLASSIC, "POST", "/graphql", {"query": "{viewer{login}}"}, PLAIN),
    "422": (CLASSIC, "POST", "/repos/acme/anvil/labels", {}, PLAIN),
    "403": (OLD_CLASSIC, "PATCH", "/repos/acme/anvil/issues/1", {}, GZIP),
    "204": (CLASSIC, "DELETE", "/repos/acme/anvil/labels/bug", None, PLAIN),
    "201": (FINE, "POST", "/repos/acme/anvil/git/refs", REF, PLAIN),
    "301": (CLASSIC, "GET", "/repos/acme/old-anvil", None, PLAIN),
    "401": ("bad", "GET", "/user", None, PLAIN),
    "deprecation": (OLD_CLASSIC, "PATCH", "/repos/acme/anvil/issues/1", {}, GZIP),
    "15000 limit": ("installation:1", "GET", "/orgs/acme/members?per_page=1", None, GZIP),
}
NOT_HELD = {
    "404": "a recording edited by hand: the 200's tag and cache-control were left on it",
    "202 stats/GET": "from 2013; statistics are not simulated yet",
    "302 archive/artifact": "release assets are not simulated yet",
    "503": "GitHub's unicorn page; a fault with a status stands for it",
    "search-with-deprecation-link": "the same recording as `deprecation`",
}
MAY_LACK = {
    "304 auth": set(),
    "401": {"status"},  # dropped by GitHub since 2020
    "403": {"github-authentication-token-expiration"},  # this token does not expire
    "deprecation": {"deprecation", "sunset", "link"},  # not simulated yet
}
MAY_ADD = {
    "401": {
        "access-control-allow-origin",
        "access-control-expose-headers",
        "x-github-api-version-selected",
        "x-ratelimit-resource",
    },  # what every other answer has gained since 2020
    "301": set(),
}
OLDER_VALUES = {
    "201 access_tokens": {"x-github-media-type"},  # a preview Accept from 2023
    "401": {"x-github-media-type", "x-xss-protection"},
}
IN_ORDER = ("200 auth repo", "200 anon repo", "200 git ref", "200 git tree", "201", "304 auth")


async def answer_for(stage: Stage, case: str) -> httpx.Response:
    label, method, target, value, fields = CASES[case]
    if target == "MINT":
        installation = stage.credentials["installation:1"]["installation_id"]
        target = f"/app/installations/{installation}/access_tokens"
    if value == REF:
        head = (await stage.get("/repos/acme/anvil/commits/main")).json()["sha"]
        value = {**REF, "sha": head}
    if case == "deprecation":
        label = "personal:ben"
    if label == "bad":
        fields = {**fields, "Authorization": "Bearer ghp_no"}
        label = None
    return await stage.send(method, target, label, value=value, **fields)


def squeezed(value: str) -> str:
    return re.sub(r"[,\s]+", " ", value).lower()


@pytest.mark.parametrize("case", CASES)
def test_an_answer_has_the_fields_of_the_recorded_one(case: str):
    golden = next(item for item in shared("golden_headers.json") if item["case"] == case)

    async def scene(stage: Stage) -> None:
        answer = await answer_for(stage, case)
        assert answer.status_code == golden["status"], answer.text
        ours, theirs = dict(answer.headers), golden["headers"]
        assert theirs.keys() - ours.keys() - FRAMING - MAY_LACK.get(case, set()) == set()
        assert ours.keys() - theirs.keys() - FRAMING - LATER - MAY_ADD.get(case, set()) == set()
        for name in CONSTANT:
            if name in theirs and name not in OLDER_VALUES.get(case, ()):
                assert squeezed(ours[name]) == squeezed(theirs[name]), name
        exposed = theirs.get("access-control-expose-headers", "")
        assert set(squeezed(exposed).split()) <= set(
            squeezed(ours["access-control-expose-headers"]).split()
        )

    play(scene)


@pytest.mark.parametrize("case", IN_ORDER)
def test_fields_come_in_the_order_of_the_recorded_ones(case: str):
    golden = next(item for item in shared("golden_headers.json") if item["case"] == case)

    async def scene(stage: Stage) -> None:
        answer = await answer_for(stage, case)
        both = answer.headers.keys() & golden["headers"].keys()
        ours = [name.decode().lower() for name, _ in answer.headers.raw]
        assert [name for name in ours if name in both] == [
            name for name in golden["headers"] if name in both
        ]

    play(scene)


def test_every_recorded_case_is_held_or_has_a_reason():
    cases = {item["case"] for item in shared("golden_headers.json")}
    assert cases == CASES.keys() | NOT_HELD.keys()


def test_cache_fields_follow_the_class_of_the_credential():
    async def scene(stage: Stage) -> None:
        private = await stage.get("/repos/acme/anvil")
        public = await stage.get("/repos/acme/anvil", None)
        jwt = await stage.get("/app", "app_jwt")
        assert private.headers["cache-control"] == "private, max-age=60, s-maxage=60"
        assert private.headers["vary"].startswith("Accept, Authorization, Cookie, X-GitHub-OTP,")
        for answer in (public, jwt):
            assert answer.headers["cache-control"] == "public, max-age=60, s-maxage=60"
            assert answer.headers["vary"] == "Accept,Accept-Encoding, Accept, X-Requested-With"
        assert "x-ratelimit-limit" not in jwt.headers
        for label, path in (("app_jwt", "/app"), (None, "/repos/acme/anvil")):
            current = await stage.get(path, label, If_None_Match="*")
            assert current.headers["cache-control"] == public.headers["cache-control"]
            assert current.headers["vary"] == public.headers["vary"]

    play(scene)


def test_a_304_to_the_anonymous_replays_the_edge_and_one_to_a_token_does_not():
    async def scene(stage: Stage) -> None:
        path = "/repos/acme/anvil/issues"
        edge = await stage.get(path, None, If_None_Match="*")
        own = await stage.get(path, If_None_Match="*")
        assert edge.status_code == own.status_code == 304
        only_edge = {"link", "content-type", "x-github-media-type", "accept-ranges"}
        assert only_edge <= edge.headers.keys()
        absent = only_edge | {"content-length", "x-oauth-scopes", "x-accepted-oauth-scopes"}
        assert not absent & own.headers.keys()

    play(scene)


def test_head_has_the_fields_of_get_and_no_content():
    async def scene(stage: Stage) -> None:
        own = {"date", "x-github-request-id", "x-ratelimit-remaining", "x-ratelimit-used"}
        for path in ("/repos/acme/anvil", "/repos/acme/nothing", "/simulator/bytes/9"):
            get = await stage.get(path, **PLAIN)
            head = await stage.send("HEAD", path, **PLAIN)
            assert head.content == b""
            assert [item for item in get.headers.items() if item[0] not in own] == [
                item for item in head.headers.items() if item[0] not in own
            ]
        tag = (await stage.get("/user")).headers["etag"]
        assert (await stage.send("HEAD", "/user", If_None_Match=tag)).status_code == 304

    play(scene)


def test_only_what_takes_gzip_gets_it():
    async def scene(stage: Stage) -> None:
        for accepted, zipped in (
            ("gzip, deflate", True),
            ("br;q=1.0, gzip;q=0.8", True),
            ("*", True),
            ("gzip;q=0", False),
            ("identity", False),
            ("br", False),
        ):
            answer = await stage.get("/repos/acme/anvil", Accept_Encoding=accepted)
            assert ("content-encoding" in answer.headers) is zipped, accepted
            assert answer.json()["name"] == "anvil"

    play(scene)


def test_refs_say_how_often_to_poll_and_objects_by_name_live_a_day():
    async def scene(stage: Stage) -> None:
        ref = await stage.get("/repos/acme/anvil/git/ref/heads/main")
        assert ref.headers["x-poll-interval"] == "300"
        tree = await stage.get("/repos/acme/anvil/git/trees/main")
        assert tree.headers["cache-control"] == "private, max-age=86400, s-maxage=86400"

    play(scene)


def test_the_request_id_is_five_groups_that_end_with_the_time():
    async def scene(stage: Stage) -> None:
        ids = {(await stage.get("/zen")).headers["x-github-request-id"] for _ in range(3)}
        assert len(ids) == 3
        now = stage.simulator.site.clock.now()
        for each in ids:
            groups = each.split(":")
            assert len(groups) == 5
            assert abs(int(groups[4], 16) - now) < 60

    play(scene)


def test_an_api_version_is_selected_and_an_unknown_one_refused():
    async def scene(stage: Stage) -> None:
        newest = await stage.get("/rate_limit", X_GitHub_Api_Version="2026-03-10")
        assert newest.headers["x-github-api-version-selected"] == "2026-03-10"
        assert "rate" not in newest.json()
        assert "rate" in (await stage.get("/rate_limit")).json()
        unknown = await stage.get("/user", X_GitHub_Api_Version="2020-01-01")
        assert unknown.status_code == 400

    play(scene)
