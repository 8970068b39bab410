"""GitHub's side of an exchange: the one place that knows the order of the steps.

A user agent, a good credential, a known API version, a limit that is not used up, an operation,
its reply, the client's condition, the charge, the head. Everything else is somebody else's.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable
from urllib.parse import parse_qsl

from ghproxy.simulator import accounting, heads
from ghproxy.simulator.accounting import Accounts, Window
from ghproxy.simulator.answers import (
    answer_as_ordered,
    answer_from_refusal,
    answer_from_rendering,
    answer_to_noise,
    answer_without_agent,
)
from ghproxy.simulator.asked import asked_from_fields
from ghproxy.simulator.clock import Clock
from ghproxy.simulator.conditions import is_unmodified
from ghproxy.simulator.credentials import Credential, anonymous
from ghproxy.simulator.errors import Refusal, not_found, rate_limit_exceeded
from ghproxy.simulator.exchange import Exchange, Moment
from ghproxy.simulator.faults import FaultOrder, Faults, distorted
from ghproxy.simulator.holds import Hold, Holds, Place
from ghproxy.simulator.journal import Journal
from ghproxy.simulator.keyring import Keyring, is_jwt
from ghproxy.simulator.media import media_from_accept
from ghproxy.simulator.message import Answer, Gate, Pace, Request
from ghproxy.simulator.reply import Call
from ghproxy.simulator.representation import Rendering
from ghproxy.simulator.routes import Routes
from ghproxy.simulator.shelf import Shelf, ShelfKey
from ghproxy.simulator.world.world import World

API_VERSIONS = (b"2022-11-28", b"2026-03-10")
_OPEN = b"/simulator/"
_SAFE = frozenset({"GET", "HEAD"})
_SERVER_ERROR = b'{"message":"Server Error","documentation_url":"https://docs.github.com/rest"}'


class Site:
    """The API port's application."""

    def __init__(self, world: World, clock: Clock, routes: Routes) -> None:
        self.world = world
        self.clock = clock
        self.keyring = Keyring(world, clock.now())
        self.accounts = Accounts()
        self.journal = Journal()
        self.holds = Holds()
        self.faults = Faults()
        self._routes = routes
        self._shelf = Shelf()
        self._nobody = anonymous("127.0.0.1")
        self._serial = world.seed & 0xFFFF

    # -- what the wire asks

    def head_arrived(self, request: Request) -> Gate | None:
        request.at = self.clock.now()
        self.journal.open(request)
        if not self.holds.is_armed:
            return None
        hold = self.holds.claim(request, Place.UPLOAD)
        return None if hold is None else hold.wait

    def respond(self, request: Request) -> Answer | Awaitable[Answer]:
        if self.faults.is_armed or self.holds.is_armed:
            fault = self.faults.claim(request)
            before = self.holds.claim(request, Place.HEAD)
            during = self.holds.claim(request, Place.CONTENT)
            if fault is not None or before is not None or during is not None:
                return self._hindered(request, fault, before, during)
        answer = self._answer(request)
        if type(answer.content) is bytes:
            request.ended = "answered"
        return answer

    def ended(self, request: Request, *, completely: bool) -> None:
        request.ended = "answered" if completely else "aborted"

    def malformed(self) -> Answer:
        return answer_to_noise(self._moment(int(self.clock.now()), 0, b""))

    # -- hindered

    async def _hindered(
        self, request: Request, fault: FaultOrder | None, before: Hold | None, during: Hold | None
    ) -> Answer:
        if before is not None:
            await before.wait()
        if fault is not None and fault.latency_seconds:
            await asyncio.sleep(fault.latency_seconds)
        if fault is not None and fault.status is not None:
            answer = self._ordered(request, fault, fault.status)
        else:
            answer = self._answer(request)
        if fault is not None:
            answer = distorted(answer, fault)
        if during is not None:
            rate = answer.pace.bytes_per_second if answer.pace is not None else None
            answer.pace = Pace(during.wait, rate)
        return answer

    def _ordered(self, request: Request, fault: FaultOrder, status: int) -> Answer:
        exchange = self._exchange(request)
        with contextlib.suppress(Refusal):
            self._identify(exchange)
        exchange.window = self._window(exchange)
        self._charge(exchange, int(fault.charged))
        content = _SERVER_ERROR if fault.content is None else fault.content.encode()
        if request.method == "HEAD":
            content = b""
        answer = answer_as_ordered(status, content, fault.content_type, exchange)
        return self._noted(request, answer)

    # -- answering

    def _answer(self, request: Request) -> Answer:
        exchange = self._exchange(request)
        if not exchange.asked.user_agent:
            return self._noted(request, answer_without_agent(exchange.moment))
        try:
            answer = self._served(exchange)
        except Refusal as refusal:
            answer = self._refused(exchange, refusal)
        if request.method == "HEAD":
            answer.content = b""
        return self._noted(request, answer)

    def _served(self, exchange: Exchange) -> Answer:
        request, asked, moment = exchange.request, exchange.asked, exchange.moment
        self._identify(exchange)
        if moment.api_version not in API_VERSIONS:
            raise _unknown_version(moment.api_version)
        viewer = exchange.credential.viewer
        key = (request.target, asked.accept, viewer, moment.api_version, asked.host)
        rendering = self._shelf.find(key) if request.method in _SAFE else None
        if rendering is not None:
            exchange.operation = rendering.operation
            self._admit(exchange)
        else:
            rendering = self._made(exchange, key)
        return self._finished(exchange, rendering)

    def _admit(self, exchange: Exchange) -> None:
        """Refuse where the limit is used up."""
        window = exchange.window = self._window(exchange)
        if window is None or window.used < window.limit:
            return
        if exchange.operation is not None and exchange.operation.is_free:
            return
        stamp = time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(exchange.now))
        request_id = exchange.moment.request_id.decode()
        raise rate_limit_exceeded(exchange.credential.identity, request_id, stamp)

    def _made(self, exchange: Exchange, key: ShelfKey) -> Rendering:
        request, asked = exchange.request, exchange.asked
        path, _, query = request.target.partition(b"?")
        found = self._routes.find(request.method, path)
        exchange.operation = None if found is None else found.operation
        self._admit(exchange)
        if found is None:
            self.journal.note_unknown(request.method, path.decode("latin-1"))
            raise not_found()
        media = media_from_accept(asked.accept)
        call = Call(
            request=request,
            params=found.params,
            query=dict(parse_qsl(query.decode("latin-1"), keep_blank_values=True)),
            base=f"http://{(asked.host or b'localhost').decode('latin-1')}{found.prefix}",
            viewer=exchange.credential,
            media=media,
            api_version=exchange.moment.api_version.decode("ascii"),
            now=exchange.now,
            world=self.world,
            keyring=self.keyring,
            accounts=self.accounts,
        )
        rendering = Rendering(found.operation, found.operation.handler(call), media)
        if request.method in _SAFE and rendering.is_current() and rendering.reply.stream is None:
            self._shelf.put(key, rendering)
        return rendering

    def _finished(self, exchange: Exchange, rendering: Rendering) -> Answer:
        asked, credential = exchange.asked, exchange.credential
        tag = None
        if rendering.has_tag:
            authorization = asked.authorization if credential.selects else None
            cookie = asked.cookie if credential.selects else None
            tag = rendering.opaque_tag(asked.accept, authorization, cookie)
        reply = rendering.reply
        unmodified = (
            exchange.request.method in _SAFE
            and reply.status == 200
            and is_unmodified(asked, tag, reply.last_modified)
        )
        free = rendering.operation.is_free or (unmodified and credential.selects)
        self._charge(exchange, 0 if free else 1)
        if unmodified:
            return Answer(304, heads.not_modified(rendering, exchange, tag or b""))
        return answer_from_rendering(rendering, exchange, tag)

    def _refused(self, exchange: Exchange, refusal: Refusal) -> Answer:
        """A refused request costs as any other; a refused JWT belongs to nobody."""
        if exchange.is_known or not is_jwt(exchange.asked.authorization):
            window = exchange.window = self._window(exchange)
            self._charge(exchange, 0 if window is None or window.used >= window.limit else 1)
        return answer_from_refusal(refusal, exchange)

    # -- counting and naming

    def _exchange(self, request: Request) -> Exchange:
        now = self.clock.now()
        asked = asked_from_fields(request.fields)
        version = asked.api_version or API_VERSIONS[0]
        moment = self._moment(int(now), request.connection, version)
        return Exchange(request, asked, moment, now, self._anonymous(request.peer))

    def _anonymous(self, peer: str) -> Credential:
        if self._nobody.identity != f"ip:{peer}":
            self._nobody = anonymous(peer)
        return self._nobody

    def _identify(self, exchange: Exchange) -> None:
        request = exchange.request
        authorization = exchange.asked.authorization
        if request.target.startswith(_OPEN):
            authorization = None
        exchange.credential = self.keyring.credential(authorization, request.peer, exchange.now)
        exchange.is_known = True
        request.credential = exchange.credential.label
        request.kind = exchange.credential.kind

    def _window(self, exchange: Exchange) -> Window | None:
        """None where no limits apply: an App's JWT, the simulator's own operations."""
        credential, operation = exchange.credential, exchange.operation
        if not credential.selects and not credential.is_anonymous:
            return None
        if operation is not None and operation.is_open:
            return None
        resource = "core" if operation is None else operation.resource
        return self.accounts.window(
            credential.identity, resource, credential.limits, int(exchange.now)
        )

    def _charge(self, exchange: Exchange, amount: int) -> None:
        window, operation, request = exchange.window, exchange.operation, exchange.request
        if window is None:
            return
        window.used += amount
        request.charged = amount
        request.resource = "core" if operation is None else operation.resource
        exchange.limits = accounting.field_lines(
            window, request.resource.encode(), exchange.credential.is_anonymous
        )

    def _noted(self, request: Request, answer: Answer) -> Answer:
        request.status = answer.status
        request.content = b""
        self.journal.close(request)
        return answer

    def _moment(self, second: int, connection: int, api_version: bytes) -> Moment:
        self._serial += 1
        serial = self._serial
        request_id = b"%04X:%X:%X:%X:%08X" % (
            0xC000 + (connection & 0x3FFF),
            0x10000 + (serial * 40_503 & 0xFFFFF),
            0x1000000 + serial,
            0x1000000 + (serial * 31 & 0xFFFFFF),
            second,
        )
        return Moment(self.clock.http_date(second), request_id, api_version)


def _unknown_version(version: bytes) -> Refusal:
    return Refusal(
        400,
        f"The API version {version.decode('latin-1')!r} is not supported.",
        documentation="about-the-rest-api/api-versions",
    )
