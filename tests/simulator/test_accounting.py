"""Primary rate limits (github-api.md 1 and 3.1)."""

import httpx

from tests.simulator.driver import Stage, play


def limits(answer: httpx.Response) -> tuple[int, int, int, str]:
    fields = answer.headers
    return (
        int(fields["x-ratelimit-limit"]),
        int(fields["x-ratelimit-remaining"]),
        int(fields["x-ratelimit-used"]),
        fields["x-ratelimit-resource"],
    )


def test_a_request_costs_one_and_an_authorised_304_nothing():
    async def scene(stage: Stage) -> None:
        first = await stage.get("/repos/acme/anvil")
        assert limits(first) == (5000, 4999, 1, "core")
        for _ in range(3):
            current = await stage.get("/repos/acme/anvil", If_None_Match=first.headers["etag"])
            assert current.status_code == 304
            assert limits(current) == (5000, 4999, 1, "core")
        assert [entry["charged"] for entry in await stage.journal()] == [1, 0, 0, 0]

    play(scene)


def test_an_anonymous_304_costs_one():
    async def scene(stage: Stage) -> None:
        first = await stage.get("/repos/acme/anvil", None)
        assert limits(first) == (60, 59, 1, "core")
        current = await stage.get("/repos/acme/anvil", None, If_None_Match=first.headers["etag"])
        assert current.status_code == 304
        assert limits(current) == (60, 58, 2, "core")

    play(scene)


def test_all_tokens_of_a_user_share_one_limit_and_installations_have_their_own():
    async def scene(stage: Stage) -> None:
        await stage.get("/zen", "personal:ada")
        assert limits(await stage.get("/zen", "fine_grained:ada"))[2] == 2
        assert limits(await stage.get("/zen", "oauth:ben"))[2] == 1
        assert limits(await stage.get("/zen", "installation:1")) == (6000, 5999, 1, "core")
        assert limits(await stage.get("/zen", "installation:2"))[2] == 2

    play(scene)


def test_search_code_search_and_graphql_are_counted_apart():
    async def scene(stage: Stage) -> None:
        search = await stage.get("/search/issues?q=beep")
        assert limits(search) == (30, 29, 1, "search")
        code = await stage.get("/search/code?q=beep")
        assert limits(code) == (10, 9, 1, "code_search")
        graph = await stage.send("POST", "/graphql", value={"query": "{viewer{login}}"})
        assert limits(graph) == (5000, 4999, 1, "graphql")
        assert limits(await stage.get("/user")) == (5000, 4999, 1, "core")
        anonymous = await stage.get("/search/issues?q=beep", None)
        assert limits(anonymous) == (10, 9, 1, "search")

    play(scene)


def test_asking_for_the_limits_is_free():
    async def scene(stage: Stage) -> None:
        await stage.get("/user")
        for _ in range(2):
            answer = await stage.get("/rate_limit")
            assert limits(answer) == (5000, 4999, 1, "core")
            assert answer.json()["resources"]["core"]["used"] == 1
            assert answer.json()["resources"]["search"]["remaining"] == 30

    play(scene)


def test_refused_requests_cost_as_any_other():
    async def scene(stage: Stage) -> None:
        await stage.get("/repos/acme/nothing")
        assert limits(await stage.get("/repos/acme/old-anvil"))[2] == 2
        bad = await stage.get("/user", None, Authorization="Bearer ghp_no")
        assert bad.status_code == 401
        assert limits(bad) == (60, 59, 1, "core")

    play(scene)


def test_a_used_up_limit_is_a_403_in_githubs_words_even_to_a_current_tag():
    async def scene(stage: Stage) -> None:
        tag = (await stage.get("/user")).headers["etag"]
        identity = stage.credentials["personal:ada"]["identity"]
        await stage.order("PUT", "/limits", {"identity": identity, "used": 5000})
        refused = await stage.get("/user", If_None_Match=tag)
        assert refused.status_code == 403
        assert limits(refused) == (5000, 0, 5000, "core")
        message = refused.json()["message"]
        assert message.startswith(f"API rate limit exceeded for user ID {identity[5:]}.")
        assert refused.headers["x-github-request-id"] in message
        assert (await stage.get("/rate_limit")).status_code == 200
        assert (await stage.get("/search/issues?q=beep")).status_code == 200
        assert (await stage.get("/user", "oauth:ben")).status_code == 200

    play(scene)


def test_the_anonymous_and_installations_hear_their_own_words():
    async def scene(stage: Stage) -> None:
        number = stage.credentials["installation:1"]["installation_id"]
        for identity, label, words in (
            ("ip:127.0.0.1", None, "API rate limit exceeded for 127.0.0.1. (But here's"),
            (
                f"installation:{number}",
                "installation:1",
                f"API rate limit exceeded for installation ID {number}.",
            ),
        ):
            await stage.get("/zen", label)
            await stage.order("PUT", "/limits", {"identity": identity, "limit": 1, "used": 1})
            refused = await stage.get("/zen", label)
            assert refused.status_code == 403
            assert refused.json()["message"].startswith(words)

    play(scene)


def test_a_window_keeps_its_reset_until_it_passes_and_then_begins_anew():
    async def scene(stage: Stage) -> None:
        now = int(stage.simulator.site.clock.now())
        await stage.order("PUT", "/clock", {"now": now})
        first = await stage.get("/user")
        assert first.headers["x-ratelimit-reset"] == str(now + 3600)
        await stage.order("PUT", "/clock", {"advance_seconds": 3599})
        second = await stage.get("/user")
        assert second.headers["x-ratelimit-reset"] == str(now + 3600)
        assert limits(second)[2] == 2
        await stage.order("PUT", "/clock", {"advance_seconds": 1})
        third = await stage.get("/user")
        assert third.headers["x-ratelimit-reset"] == str(now + 7200)
        assert limits(third)[2] == 1

    play(scene)


def test_search_begins_anew_every_minute():
    async def scene(stage: Stage) -> None:
        now = int(stage.simulator.site.clock.now())
        await stage.order("PUT", "/clock", {"now": now})
        answer = await stage.get("/search/issues?q=beep")
        assert answer.headers["x-ratelimit-reset"] == str(now + 60)

    play(scene)


def test_the_simulators_own_operations_and_jwts_are_not_counted():
    async def scene(stage: Stage) -> None:
        for answer in (
            await stage.get("/simulator/bytes/3", None),
            await stage.get("/simulator/echo"),
            await stage.get("/app", "app_jwt"),
        ):
            assert answer.status_code == 200
            assert "x-ratelimit-limit" not in answer.headers
        assert await stage.order("GET", "/limits") == []

    play(scene)
