"""`ghproxy simulate`: arguments, the two lines that say where it listens, signals, exit status."""

import argparse
import asyncio
import gc
import signal
import sys
from collections.abc import Callable, Coroutine
from typing import NoReturn

from ghproxy.simulator.server import Simulator

_PORT_LIMIT = 65_535


class _Parser(argparse.ArgumentParser):
    """argparse that says what is wrong in one line."""

    def error(self, message: str) -> NoReturn:
        self.exit(2, f"ghproxy simulate: {message}\n")


def main(arguments: list[str]) -> int:
    """Run until SIGTERM or SIGINT; the exit status."""
    options = _options(arguments)
    if isinstance(options, int):
        return options
    # The world is made once and lives as long as the process: no need to look through it again.
    simulator = Simulator(
        seed=options.seed, host=options.host, port=options.port, control_port=options.control_port
    )
    gc.freeze()
    return _run(_serve(simulator))


def _options(arguments: list[str]) -> argparse.Namespace | int:
    parser = _Parser(
        prog="ghproxy simulate",
        description="A GitHub on loopback, for tests, demos and benchmarks.",
        allow_abbrev=False,
    )
    parser.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    parser.add_argument(
        "--port", type=_port, default=0, help="port of the API; 0 (the default) is any free one"
    )
    parser.add_argument(
        "--control-port", type=_port, default=0, help="port of the control API; 0 is any free one"
    )
    parser.add_argument(
        "--seed", type=int, default=1, help="the same seed gives the same world (%(default)s)"
    )
    try:
        return parser.parse_args(arguments)
    except SystemExit as end:
        return int(end.code or 0)


def _port(text: str) -> int:
    if not (text.isascii() and text.isdigit()) or int(text) > _PORT_LIMIT:
        raise argparse.ArgumentTypeError(f"{text!r} is no port: 0 to {_PORT_LIMIT} is allowed")
    return int(text)


async def _serve(simulator: Simulator) -> int:
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        await simulator.start()
    except OSError as error:
        sys.stderr.write(f"ghproxy simulate: cannot listen: {error.strerror or error}\n")
        return 2
    sys.stdout.write(f"api {simulator.api_url}\ncontrol {simulator.control_url}\n")
    sys.stdout.flush()
    await stop.wait()
    await simulator.aclose()
    return 0


def _run(program: Coroutine[None, None, int]) -> int:
    factory: Callable[[], asyncio.AbstractEventLoop] | None = None
    try:
        import uvloop  # noqa: PLC0415  not there on every platform
    except ImportError:
        pass
    else:
        factory = uvloop.new_event_loop
    with asyncio.Runner(loop_factory=factory) as runner:
        return runner.run(program)
