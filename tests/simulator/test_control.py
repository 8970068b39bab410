"""The control port: journal, holds, and what is refused."""

import asyncio
import hashlib

from tests.simulator.driver import PLAIN, Stage, play, request_bytes


def test_the_journal_shows_each_request_as_it_arrived_and_what_it_cost():
    async def scene(stage: Stage) -> None:
        await stage.raw(
            request_bytes("/repos/acme/anvil?a=%2F..//", "X-Two: 1", "x-two: 2", "Accept: */*")
        )
        content = b'{"title":"Fell"}'
        headers = stage.auth("oauth:ben")
        await stage.api.post("/repos/acme/anvil/issues", content=content, headers=headers)
        first, second = await stage.journal()
        assert first["target"] == "/repos/acme/anvil?a=%2F..//"
        assert first["fields"][2:5] == [["X-Two", "1"], ["x-two", "2"], ["Accept", "*/*"]]
        assert (first["kind"], first["status"]) == ("anonymous", 200)
        assert (second["method"], second["status"], second["charged"]) == ("POST", 201, 1)
        assert (second["credential"], second["kind"]) == ("oauth:ben", "oauth")
        assert second["resource"] == "core"
        assert second["content_bytes"] == len(content)
        assert second["content_sha256"] == hashlib.sha256(content).hexdigest()
        assert first["connection"] != second["connection"]
        await stage.order("DELETE", "/journal")
        assert await stage.journal() == []

    play(scene)


def test_totals_count_what_the_journal_may_have_dropped():
    async def scene(stage: Stage) -> None:
        tag = (await stage.get("/user")).headers["etag"]
        await stage.get("/user", If_None_Match=tag)
        totals = await stage.order("GET", "/totals")
        assert totals == {
            "arrived": 2,
            "statuses": {"200": 1, "304": 1},
            "charged": {"core": 1},
        }

    play(scene)


def test_held_requests_wait_until_they_are_released():
    async def scene(stage: Stage) -> None:
        order = {"path": "/repos/acme/anvil", "method": "GET"}
        number = (await stage.order("POST", "/holds", order))["id"]
        waiting = [asyncio.create_task(stage.get("/repos/acme/anvil")) for _ in range(3)]
        state = await stage.order("GET", "/holds?held=3")
        assert state["held"] == 3
        assert {entry["status"] for entry in await stage.journal()} == {0}
        assert (await stage.get("/repos/acme/glue")).status_code == 200
        await stage.order("DELETE", f"/holds/{number}")
        assert [answer.status_code for answer in await asyncio.gather(*waiting)] == [200] * 3
        assert (await stage.order("GET", "/holds")) == {"held": 0, "holds": []}
        assert (await stage.get("/repos/acme/anvil")).status_code == 200

    play(scene)


def test_a_hold_with_a_count_lets_later_ones_pass():
    async def scene(stage: Stage) -> None:
        await stage.order("POST", "/holds", {"pattern": "^/us.r$", "count": 1})
        held = asyncio.create_task(stage.get("/user"))
        await stage.order("GET", "/holds?held=1")
        assert (await stage.get("/user")).status_code == 200
        await stage.order("DELETE", "/holds")
        assert (await held).status_code == 200

    play(scene)


def test_waiting_for_more_than_are_held_ends_with_408():
    async def scene(stage: Stage) -> None:
        answer = await stage.control.get("/holds?held=1&timeout_seconds=0.05")
        assert answer.status_code == 408
        assert answer.json()["held"] == 0

    play(scene)


def test_a_client_that_leaves_is_no_longer_held_and_the_journal_says_so():
    async def scene(stage: Stage) -> None:
        await stage.order("POST", "/holds", {"path": "/user"})
        held = asyncio.create_task(stage.get("/user"))
        await stage.order("GET", "/holds?held=1")
        held.cancel()
        await asyncio.gather(held, return_exceptions=True)
        assert (await stage.order("GET", "/holds?at_most=0"))["held"] == 0
        aborted = await stage.order("GET", "/journal?ended=aborted&at_least=1")
        assert [entry["target"] for entry in aborted] == ["/user"]

    play(scene)


def test_a_hold_at_the_content_sends_the_head_first():
    async def scene(stage: Stage) -> None:
        await stage.order("POST", "/holds", {"path": "/user", "at": "content"})
        request = stage.api.build_request(
            "GET", "/user", headers=stage.auth("personal:ada") | PLAIN
        )
        answer = await stage.api.send(request, stream=True)
        assert answer.status_code == 200
        assert (await stage.order("GET", "/holds?held=1"))["held"] == 1
        await stage.order("DELETE", "/holds")
        assert b'"login":"ada"' in await answer.aread()

    play(scene)


def test_a_hold_at_the_upload_stops_reading_from_the_connection():
    async def scene(stage: Stage) -> None:
        await stage.order("POST", "/holds", {"path": "/simulator/echo", "at": "upload"})
        sent = 0

        async def content():
            nonlocal sent
            for _ in range(640):
                yield b"x" * 65536
                sent += 65536

        upload = asyncio.create_task(stage.api.post("/simulator/echo", content=content()))
        await stage.order("GET", "/holds?held=1")
        before = -1
        while sent != before:
            before = sent
            await asyncio.sleep(0.02)
        assert sent < 640 * 65536
        await stage.order("DELETE", "/holds")
        assert (await upload).json()["content_bytes"] == 640 * 65536

    play(scene)


def test_bad_orders_are_refused_with_the_reason():
    async def scene(stage: Stage) -> None:
        for method, path, value, words in (
            ("POST", "/faults", {"latency": 1}, "latency"),
            ("POST", "/faults", {"pattern": "("}, "no regular expression"),
            ("POST", "/holds", {"at": "tail"}, "tail"),
            ("PATCH", "/world", {"repository": "acme/no"}, "There is no repository acme/no"),
            ("PATCH", "/world", {"repository": "acme/anvil", "issue": 9999}, "no issue 9999"),
            ("POST", "/rename", {"repository": "acme/anvil", "name": "glue"}, "already"),
            ("PUT", "/clock", {"now": "noon"}, "now"),
        ):
            answer = await stage.control.request(method, path, json=value)
            assert answer.status_code == 400, path
            assert words in answer.json()["message"]
        for method, path in (("GET", "/nothing"), ("DELETE", "/holds/7"), ("DELETE", "/faults/7")):
            assert (await stage.control.request(method, path)).status_code == 404

    play(scene)
