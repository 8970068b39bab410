"""Faults, seen over a raw socket: the bytes are the claim."""

import asyncio
import re
import socket

import pytest

from tests.simulator.driver import Stage, play, request_bytes

ZEN = request_bytes("/zen")
CONTENT = b"Look down before you step."


async def bytes_under(stage: Stage, order: dict[str, object], request: bytes = ZEN) -> bytes:
    await stage.order("POST", "/faults", {"path": "/zen", **order})
    return await stage.raw(request)


def head_of(answer: bytes) -> str:
    return answer.partition(b"\r\n\r\n")[0].decode("latin-1")


def test_an_honest_answer_is_whole():
    async def scene(stage: Stage) -> None:
        answer = await stage.raw(ZEN)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
        assert answer.endswith(b"\r\n\r\n" + CONTENT)
        assert f"Content-Length: {len(CONTENT)}\r\n" in answer.decode()

    play(scene)


@pytest.mark.parametrize("at", [0, 1, 12, 500])
def test_a_connection_is_cut_at_the_byte(at: int):
    async def scene(stage: Stage) -> None:
        assert len(await bytes_under(stage, {"cut_at": at})) == at
        assert (await stage.journal())[-1]["status"] == 200

    play(scene)


def test_a_cut_can_be_a_reset():
    async def scene(stage: Stage) -> None:
        with pytest.raises(ConnectionResetError):
            await bytes_under(stage, {"cut_at": 20, "reset": True})

    play(scene)


def test_a_stream_can_be_cut_by_a_reset_too():
    """What the client had not read by then is lost: that is what a reset means."""

    async def scene(stage: Stage) -> None:
        order = {"path": "/simulator", "cut_at": 5_000_000, "reset": True}
        await stage.order("POST", "/faults", order)
        loop, seen = asyncio.get_running_loop(), 0
        with socket.socket() as client:
            client.setblocking(False)
            await loop.sock_connect(client, ("127.0.0.1", stage.simulator.api_port))
            await loop.sock_sendall(client, request_bytes("/simulator/bytes/90000000"))

            async def read_on() -> None:
                nonlocal seen
                while part := await loop.sock_recv(client, 1_000_000):
                    seen += len(part)

            with pytest.raises(ConnectionResetError):
                await read_on()
        assert 0 < seen <= 5_000_000

    play(scene)


def test_a_status_comes_with_its_content_and_fields_and_is_free_unless_charged():
    async def scene(stage: Stage) -> None:
        order = {
            "path": "/user",
            "status": 403,
            "content": '{"message":"You have exceeded a secondary rate limit."}',
            "fields": [["Retry-After", "60"], ["Server", None], ["X-GitHub-Media-Type", "other"]],
            "times": 1,
        }
        await stage.order("POST", "/faults", order)
        refused = await stage.get("/user")
        assert refused.status_code == 403
        assert refused.json()["message"].startswith("You have exceeded a secondary rate limit")
        assert refused.headers["retry-after"] == "60"
        assert refused.headers["x-github-media-type"] == "other"
        assert "server" not in refused.headers
        assert refused.headers["x-ratelimit-remaining"] == "5000"
        assert (await stage.get("/user")).status_code == 200
        await stage.order("POST", "/faults", {"path": "/user", "status": 502, "charged": True})
        broken = await stage.get("/user")
        assert broken.status_code == 502
        assert broken.headers["x-ratelimit-used"] == "2"
        assert [entry["charged"] for entry in await stage.journal()] == [0, 1, 1]

    play(scene)


def test_a_fault_befalls_so_many_after_so_many():
    async def scene(stage: Stage) -> None:
        order = {"path": "/zen", "status": 500, "skip": 1, "times": 2}
        await stage.order("POST", "/faults", order)
        statuses = [(await stage.get("/zen")).status_code for _ in range(4)]
        assert statuses == [200, 500, 500, 200]
        assert (await stage.order("GET", "/faults"))[0]["befallen"] == 2
        await stage.order("DELETE", "/faults")
        assert await stage.order("GET", "/faults") == []

    play(scene)


def test_faults_choose_by_method_pattern_and_field():
    async def scene(stage: Stage) -> None:
        await stage.order("POST", "/faults", {"method": "POST", "status": 500})
        await stage.order("POST", "/faults", {"pattern": "^/user$", "status": 501})
        await stage.order("POST", "/faults", {"field": ["x-test", "^bad"], "status": 503})
        assert (await stage.send("POST", "/graphql")).status_code == 500
        assert (await stage.get("/user")).status_code == 501
        assert (await stage.get("/zen", X_Test="bad one")).status_code == 503
        assert (await stage.get("/zen", X_Test="good")).status_code == 200

    play(scene)


def test_a_length_can_be_stated_longer_or_shorter_than_the_content():
    async def scene(stage: Stage) -> None:
        for stated, length in (("longer", 36), ("shorter", 16), (5, 5)):
            await stage.order("DELETE", "/faults")
            answer = await bytes_under(stage, {"content_length": stated})
            assert re.findall("Content-Length: (.*)", head_of(answer)) == [f"{length}"]
            assert answer.endswith(CONTENT)

    play(scene)


def test_a_wrong_length_replaces_the_chunks_of_a_compressed_answer():
    async def scene(stage: Stage) -> None:
        token = f"Authorization: Bearer {stage.tokens['personal:ada']}"
        request = request_bytes("/user", token, "Accept-Encoding: gzip")
        await stage.order("POST", "/faults", {"path": "/user", "content_length": "longer"})
        head, _, content = (await stage.raw(request)).partition(b"\r\n\r\n")
        assert b"Transfer-Encoding" not in head
        assert content.startswith(b"\x1f\x8b")

    play(scene)


def test_both_framings_at_once():
    async def scene(stage: Stage) -> None:
        answer = await bytes_under(stage, {"both_lengths": True})
        assert "Content-Length: 26\r\nTransfer-Encoding: chunked" in head_of(answer)
        assert answer.endswith(b"1a\r\n" + CONTENT + b"\r\n0\r\n\r\n")

    play(scene)


def test_a_bad_chunk():
    async def scene(stage: Stage) -> None:
        answer = await bytes_under(stage, {"bad_chunk": True})
        assert "Transfer-Encoding: chunked" in head_of(answer)
        assert "Content-Length" not in head_of(answer)
        assert b"NOT-A-SIZE" in answer

    play(scene)


def test_an_oversized_head_ends_and_an_endless_one_does_not():
    async def scene(stage: Stage) -> None:
        answer = await bytes_under(stage, {"head": "oversized"})
        assert len(head_of(answer)) > 400_000
        assert answer.endswith(b"\r\n\r\n" + CONTENT)
        await stage.order("DELETE", "/faults")

        await stage.order("POST", "/faults", {"path": "/zen", "head": "endless"})
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.simulator.api_port)
        writer.write(ZEN)
        seen = await reader.readexactly(5_000_000)
        assert b"\r\n\r\n" not in seen
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        ended = await stage.order("GET", "/journal?ended=aborted&at_least=1")
        assert ended[0]["target"] == "/zen"

    play(scene)


@pytest.mark.parametrize(("kind", "value"), [("cr", b"\r"), ("nul", b"\0"), ("lf", b"\n")])
def test_a_field_can_have_a_byte_that_no_field_may_have(kind: str, value: bytes):
    async def scene(stage: Stage) -> None:
        answer = await bytes_under(stage, {"broken_field": kind})
        assert b"\r\nX-Broken: one" + value + b"two\r\n\r\n" in answer

    play(scene)


def test_a_slow_answer_arrives_whole():
    async def scene(stage: Stage) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        answer = await bytes_under(stage, {"bytes_per_second": 200})
        assert answer.endswith(CONTENT)
        assert loop.time() - began > 26 / 200 / 2

    play(scene)


def test_latency_comes_before_the_answer():
    async def scene(stage: Stage) -> None:
        loop = asyncio.get_running_loop()
        began = loop.time()
        await bytes_under(stage, {"latency_seconds": 0.05})
        assert loop.time() - began >= 0.05

    play(scene)


def test_a_connection_is_dropped_without_a_word_after_so_many_answers():
    async def scene(stage: Stage) -> None:
        await stage.order("POST", "/faults", {"path": "/zen", "close_after": 2})
        request = request_bytes("/zen", close=False)
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.simulator.api_port)
        for _ in range(2):
            writer.write(request)
            head = await reader.readuntil(b"\r\n\r\n")
            assert b"onnection: close" not in head
            assert await reader.readexactly(26) == CONTENT
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()

    play(scene)
