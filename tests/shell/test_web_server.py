"""Listening, and ending: what a drain finishes, what it cuts, and what it tells."""

import asyncio
import contextlib
import json
import signal
import socket
import sys
from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest

from ghproxy.web.listening import ListenError, close_all, listening_sockets
from ghproxy.web.server import Lifecycle, Listener, Phase, serve
from tests.support.raw_http import HOST, Client, Server, echo, play

GET = b"GET / HTTP/1.1\r\nHost: a\r\n\r\n"


# Listening


def free_socket() -> socket.socket:
    sock = socket.create_server((HOST, 0))
    sock.setblocking(False)
    return sock


def test_a_port_in_use_is_one_clear_sentence_and_nothing_is_left_open() -> None:
    async def scene() -> None:
        with free_socket() as taken, free_socket() as other:
            port = taken.getsockname()[1]
            free = other.getsockname()[1]
            other.close()
            listeners = [
                Listener("metrics", echo, host=HOST, port=free),
                Listener("main", echo, host=HOST, port=port),
            ]
            with pytest.raises(ListenError, match=rf"^port {port} is in use \(main\)$"):
                await serve(
                    listeners,
                    lifecycle=Lifecycle(),
                    drain_seconds=0,
                    on_ready=lambda _: pytest.fail("it must not start"),
                )
            close_all(await listening_sockets("again", HOST, free))

    play(scene())


def test_an_optional_listener_whose_port_is_taken_is_left_out_with_a_warning(
    caplog: pytest.LogCaptureFixture,
) -> None:
    async def scene() -> None:
        lifecycle = Lifecycle()
        ready: asyncio.Future[dict[str, int]] = asyncio.get_running_loop().create_future()
        with free_socket() as taken:
            listeners = [
                Listener("main", echo, host=HOST),
                Listener("stacks", echo, host=HOST, port=taken.getsockname()[1], is_optional=True),
            ]
            serving = asyncio.create_task(
                serve(
                    listeners,
                    lifecycle=lifecycle,
                    drain_seconds=0,
                    on_ready=ready.set_result,
                )
            )
            assert list(await ready) == ["main"]
            lifecycle.stop()
            await serving

    play(scene())
    assert "(stacks): served without it" in caplog.text


@pytest.mark.parametrize(
    ("host", "port", "message"),
    [
        ("no-such-host.invalid", 0, r"^host 'no-such-host.invalid' has no address \(main\)$"),
        ("192.0.2.1", 0, r"^host '192.0.2.1' is not an address of this machine \(main\)$"),
        (HOST, 70_000, r"^port 70000 is not between 0 and 65535 \(main\)$"),
        ("a" * 300, 0, r"has no address \(main\)$"),
    ],
)
def test_what_cannot_be_listened_on_is_one_clear_sentence(
    host: str, port: int, message: str
) -> None:
    async def scene() -> None:
        with pytest.raises(ListenError, match=message):
            await listening_sockets("main", host, port)

    play(scene())


def test_without_a_host_every_address_is_listened_on_with_one_port() -> None:
    async def scene() -> None:
        sockets = await listening_sockets("main", "", 0)
        port = sockets[0].getsockname()[1]
        families = [(socket.AF_INET, HOST)]
        if sockets[0].family == socket.AF_INET6:
            families.append((socket.AF_INET6, "::1"))
        for family, address in families:
            with socket.socket(family) as client:
                client.connect((address, port))
        close_all(sockets)

    play(scene())


def test_a_name_with_several_addresses_gets_the_same_port_on_each() -> None:
    async def scene() -> None:
        sockets = await listening_sockets("main", "localhost", 0)
        assert len({sock.getsockname()[1] for sock in sockets}) == 1
        close_all(sockets)

    play(scene())


def test_accepted_connections_do_not_wait_for_acknowledgements() -> None:
    """asyncio's own loop sets TCP_NODELAY only where the socket says that it is TCP."""

    async def scene() -> None:
        [listening] = await listening_sockets("main", HOST, 0)
        accepted: asyncio.Future[int] = asyncio.get_running_loop().create_future()

        async def accept(_: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
            sock = writer.get_extra_info("socket")
            accepted.set_result(sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))
            writer.close()
            await writer.wait_closed()

        server = await asyncio.start_server(accept, sock=listening)
        _, writer = await asyncio.open_connection(HOST, listening.getsockname()[1])
        assert await accepted != 0
        writer.close()
        await writer.wait_closed()
        server.close()
        await server.wait_closed()

    asyncio.run(scene())


# Life and end, in one loop


class House:
    """A gateway and a health port, served in this loop."""

    def __init__(
        self, ports: dict[str, int], lifecycle: Lifecycle, task: asyncio.Task[int]
    ) -> None:
        self.main = Server(ports["main"], None)  # type: ignore[arg-type]  # not asked here
        self.health = Server(ports["health"], None)  # type: ignore[arg-type]  # not asked here
        self.lifecycle = lifecycle
        self.task = task


@contextlib.asynccontextmanager
async def house(app: Any, drain_seconds: float = 10) -> AsyncIterator[House]:
    lifecycle = Lifecycle()
    ready: asyncio.Future[dict[str, int]] = asyncio.get_running_loop().create_future()
    task = asyncio.create_task(
        serve(
            [
                Listener("main", app, host=HOST, is_gateway=True),
                Listener("health", echo, host=HOST),
            ],
            lifecycle=lifecycle,
            drain_seconds=drain_seconds,
            on_ready=ready.set_result,
        )
    )
    assert lifecycle.phase is Phase.STARTING
    yield House(await ready, lifecycle, task)
    assert task.done(), "the scene ends before the house does"


class Gated:
    """Answers when the gate opens; tells when a request has begun."""

    def __init__(self) -> None:
        self.begun: asyncio.Queue[str] = asyncio.Queue()
        self.gate = asyncio.Event()

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.begun.put_nowait(scope["path"])
        await self.gate.wait()
        await echo(scope, receive, send)


def test_what_is_in_flight_is_finished_and_told_to_close_and_nothing_new_is_accepted() -> None:
    async def scene() -> None:
        app = Gated()
        async with house(app) as served, served.main.client() as client:
            client.write(GET)
            await app.begun.get()
            served.lifecycle.stop()
            assert not served.lifecycle.is_ready()
            async with served.main.client() as idle:  # accepted until the loop has turned
                assert await idle.end() == b""
            with pytest.raises(ConnectionRefusedError):
                await asyncio.open_connection(HOST, served.main.port)
            async with served.health.client() as probe:
                probe.write(GET)
                assert (await probe.reply()).status == 200, "probes are answered while draining"
            app.gate.set()
            reply = await client.reply()
            assert (reply.status, reply.values(b"connection")) == (200, [b"close"])
            assert await client.end() == b""
            assert await served.task == 0

    play(scene())


def test_idle_connections_are_closed_at_once() -> None:
    async def scene() -> None:
        app = Gated()
        async with (
            house(app) as served,
            served.main.client() as busy,
            served.main.client() as idle,
            served.main.client() as fresh,
        ):
            app.gate.set()
            idle.write(GET)
            await idle.reply()
            app.gate.clear()
            busy.write(GET)
            await app.begun.get()
            await app.begun.get()
            served.lifecycle.stop()
            assert await idle.end() == b""
            assert await fresh.end() == b""
            app.gate.set()
            assert (await busy.reply()).status == 200
            assert await served.task == 0

    play(scene())


@pytest.mark.parametrize("run_on", [play, asyncio.run], ids=["uvloop", "asyncio"])
def test_requests_that_were_sent_before_the_stop_are_answered(run_on: Any) -> None:
    async def scene() -> None:
        async with house(echo) as served:
            sockets = [socket.create_connection((HOST, served.main.port)) for _ in range(20)]
            for sock in sockets:
                sock.sendall(GET)  # in the kernel's queue: the loop has not seen it
            served.lifecycle.stop()
            for sock in sockets:
                reader, writer = await asyncio.open_connection(sock=sock)
                assert (await Client(reader, writer).reply()).status == 200
                writer.close()
                await writer.wait_closed()
            assert await served.task == 0

    run_on(scene())


def test_a_head_that_is_half_read_at_the_stop_is_waited_for() -> None:
    async def scene() -> None:
        async with house(echo) as served, served.main.client() as client:
            client.write(GET + GET[:-2])
            assert (await client.reply()).status == 200
            served.lifecycle.stop()
            for _ in range(20):
                await asyncio.sleep(0)
            client.write(GET[-2:])
            assert (await client.reply()).values(b"connection") == [b"close"]
            assert await served.task == 0

    play(scene())


def test_what_outlasts_the_drain_is_cut_and_counted() -> None:
    async def scene() -> None:
        app = Gated()
        async with house(app, drain_seconds=0.05) as served, served.main.client() as client:
            client.write(GET)
            await app.begun.get()
            served.lifecycle.stop()
            assert await served.task == 1
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await client.reply()

    play(scene())


def test_a_second_stop_ends_at_once() -> None:
    async def scene() -> None:
        app = Gated()
        async with house(app, drain_seconds=1000) as served, served.main.client() as client:
            client.write(GET)
            await app.begun.get()
            served.lifecycle.stop()
            served.lifecycle.stop()
            assert await served.task == 1
            assert served.lifecycle.phase is Phase.ENDING

    play(scene())


def test_a_client_that_never_reads_cannot_hold_the_drain_for_ever() -> None:
    async def endless(_scope: Any, _receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 200, "headers": []})
        while True:
            await send({"type": "http.response.body", "body": b"x" * 65_536, "more_body": True})

    async def scene() -> None:
        async with house(endless, drain_seconds=0.05) as served, served.main.client() as client:
            client.writer.transport.pause_reading()  # type: ignore[attr-defined]  # a read transport
            client.write(GET)
            served.lifecycle.stop()
            assert await served.task == 1

    play(scene())


# Signals, in a process of its own


class Process:
    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self.process = process
        assert process.stdout is not None
        assert process.stdin is not None
        self.stdout, self.stdin = process.stdout, process.stdin

    async def event(self, name: str) -> dict[str, Any]:
        said: dict[str, Any] = json.loads(await self.stdout.readline())
        assert said["event"] == name
        return said

    def open_gate(self) -> None:
        self.stdin.write(b"\n")

    async def ended(self) -> tuple[int, dict[str, Any]]:
        said = await self.event("ended")
        self.stdin.close()
        return await self.process.wait(), said


@contextlib.asynccontextmanager
async def process(drain_seconds: float) -> AsyncIterator[tuple[Process, Server, int]]:
    child = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.support.served_process",
        str(drain_seconds),
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    steered = Process(child)
    try:
        ports = (await steered.event("ready"))["ports"]
        yield steered, Server(ports["main"], None), ports["health"]  # type: ignore[arg-type]  # not asked here
    finally:
        if child.returncode is None:
            child.kill()
            await child.wait()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_drains_and_the_exit_code_is_zero(number: signal.Signals) -> None:
    async def scene() -> None:
        async with (
            process(drain_seconds=30) as (child, main, health),
            main.client() as client,
            httpx.AsyncClient(base_url=f"http://{HOST}:{health}") as probe,
        ):
            assert (await probe.get("/healthz/ready")).status_code == 200
            client.write(GET)
            await child.event("begun")
            child.process.send_signal(number)
            while (await probe.get("/healthz/ready")).status_code == 200:
                pass
            assert (await probe.get("/healthz")).status_code == 200
            child.open_gate()
            assert (await client.reply()).content == b"done"
            assert await child.ended() == (0, {"event": "ended", "cut": 0})

    asyncio.run(scene())


def test_a_second_signal_ends_at_once() -> None:
    async def scene() -> None:
        async with process(drain_seconds=1000) as (child, main, _), main.client() as client:
            client.write(GET)
            await child.event("begun")
            child.process.send_signal(signal.SIGTERM)
            child.process.send_signal(signal.SIGINT)
            assert await child.ended() == (0, {"event": "ended", "cut": 1})
            with pytest.raises((ConnectionError, asyncio.IncompleteReadError)):
                await client.reply()

    asyncio.run(scene())


def test_an_idle_process_ends_at_the_first_signal() -> None:
    async def scene() -> None:
        async with process(drain_seconds=1000) as (child, main, _), main.client() as client:
            client.write(GET.replace(b"/ ", b"/at-once ", 1))
            await child.event("begun")
            await client.reply()
            child.process.send_signal(signal.SIGTERM)
            assert (await child.ended())[0] == 0

    asyncio.run(scene())
