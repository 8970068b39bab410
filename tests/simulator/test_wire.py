"""The wire: framing, order, sizes, and what is no HTTP."""

import asyncio
import hashlib

from tests.simulator.driver import PLAIN, Stage, play, request_bytes


def test_pipelined_requests_are_answered_in_order_even_when_one_waits():
    async def scene(stage: Stage) -> None:
        await stage.order("POST", "/holds", {"path": "/simulator/echo/1"})
        requests = [request_bytes(f"/simulator/echo/{n}", close=n == 2) for n in range(3)]
        answer = asyncio.create_task(stage.raw(b"".join(requests)))
        await stage.order("GET", "/holds?held=1")
        await stage.order("DELETE", "/holds")
        content = await answer
        positions = [content.index(f'"/simulator/echo/{n}"'.encode()) for n in range(3)]
        assert positions == sorted(positions)

    play(scene)


def test_a_request_without_a_user_agent_is_forbidden():
    async def scene(stage: Stage) -> None:
        answer = await stage.raw(b"GET /zen HTTP/1.1\r\nHost: x\r\n\r\n")
        assert answer.startswith(b"HTTP/1.1 403 Forbidden\r\n")
        assert b"Please make sure your request has a User-Agent header" in answer

    play(scene)


def test_noise_is_a_400_and_the_end_of_the_connection():
    async def scene(stage: Stage) -> None:
        for noise in (
            b"\x16\x03\x01\x02\x00\x01\x00",
            b"GET /zen HTTP/1.1\r\nContent-Length: x\r\n\r\n",
            b"GET /zen HTTP/1.1\r\nX: " + b"x" * 300_000 + b"\r\n\r\n",
        ):
            assert (await stage.raw(noise)).startswith(b"HTTP/1.1 400 Bad Request\r\n")

    play(scene)


def test_http_1_0_and_connection_close_end_the_connection():
    async def scene(stage: Stage) -> None:
        for request in (
            b"GET /zen HTTP/1.0\r\nUser-Agent: x\r\n\r\n",
            request_bytes("/zen"),
        ):
            assert (await stage.raw(request)).endswith(b"step.")

    play(scene)


def test_an_upgrade_is_ignored_and_ends_the_connection():
    async def scene(stage: Stage) -> None:
        request = request_bytes("/zen", "Upgrade: h2c", "Connection: Upgrade", close=False)
        assert (await stage.raw(request)).endswith(b"step.")

    play(scene)


def test_a_client_that_expects_100_is_told_to_continue():
    async def scene(stage: Stage) -> None:
        request = request_bytes(
            "/simulator/echo", "Expect: 100-continue", "Content-Length: 2", method="POST"
        )
        answer = await stage.raw(request + b"hi")
        assert answer.startswith(b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 200 OK\r\n")

    play(scene)


def test_the_echo_tells_what_arrived():
    async def scene(stage: Stage) -> None:
        content = b"x" * 10_000_000
        answer = await stage.api.put("/simulator/echo/a%2Fb?c=d", content=content)
        value = answer.json()
        assert (value["method"], value["target"]) == ("PUT", "/simulator/echo/a%2Fb?c=d")
        assert value["content_bytes"] == len(content)
        assert value["content_sha256"] == hashlib.sha256(content).hexdigest()
        assert ["User-Agent", "test"] in value["fields"]
        anybody = await stage.get("/simulator/echo", None, Authorization="Bearer nobody")
        assert anybody.status_code == 200
        assert "etag" not in anybody.headers

    play(scene)


def test_any_number_of_bytes_can_be_read_and_they_are_always_the_same():
    async def scene(stage: Stage) -> None:
        whole = (await stage.get("/simulator/bytes/300000", None)).content
        assert len(whole) == 300_000
        part = await stage.get("/simulator/bytes/70000", None)
        assert part.content == whole[:70_000]
        assert part.headers["content-length"] == "70000"
        assert "etag" not in part.headers
        assert (await stage.get("/simulator/bytes/x", None)).status_code == 404

    play(scene)


def test_a_generated_file_is_json_raw_and_blob_of_one_name():
    async def scene(stage: Stage) -> None:
        path = "/repos/acme/anvil/contents/generated/2000000"
        shown = (await stage.get(path)).json()
        assert (shown["encoding"], shown["content"], shown["size"]) == ("none", "", 2_000_000)
        raw = await stage.get(path, Accept="application/vnd.github.raw", **PLAIN)
        assert len(raw.content) == 2_000_000
        assert raw.headers["etag"] == f'"{shown["sha"]}"'
        blob = (await stage.get(f"/repos/acme/anvil/git/blobs/{shown['sha']}")).json()
        assert blob["size"] == 2_000_000
        small = (await stage.get("/repos/acme/anvil/contents/generated/10")).json()
        assert small["encoding"] == "base64"
        large = await stage.get("/repos/acme/anvil/contents/generated/999999999")
        assert large.status_code == 403
        assert large.json()["errors"][0]["code"] == "too_large"

    play(scene)


def test_a_reader_that_stops_reading_stops_the_stream():
    """Ten gigabytes are on offer; only what the sockets buffer is produced."""

    async def scene(stage: Stage) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", stage.simulator.api_port)
        writer.write(request_bytes("/simulator/bytes/10000000000"))
        await reader.readuntil(b"\r\n\r\n")
        for _ in range(500):
            await asyncio.sleep(0)
        (connection,) = (
            each for each in stage.simulator._connections if each._transport.get_write_buffer_size()
        )
        assert connection._transport.get_write_buffer_size() < 1_000_000
        writer.close()
        await asyncio.gather(writer.wait_closed(), return_exceptions=True)
        assert await stage.order("GET", "/journal?ended=aborted&at_least=1")

    play(scene)
