"""The control port: credentials, journal, limits, clock, holds, faults and the world, as JSON.

Its address is the test's alone; a gateway under test never learns it. docs/simulator.md is its
reference.
"""

import asyncio
import re
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qsl

import msgspec

from ghproxy.simulator import orders
from ghproxy.simulator.credentials import Credential, Kind
from ghproxy.simulator.faults import FaultOrder
from ghproxy.simulator.heads import status_line
from ghproxy.simulator.holds import HoldOrder
from ghproxy.simulator.message import Answer, Gate, Request
from ghproxy.simulator.site import Site

_NUMBERED = re.compile(r"/(holds|faults)/(\d+)")
_LONGEST_WAIT_SECONDS = 60.0
_GLANCE_SECONDS = 0.01
_Values = dict[str, str]


class Control:
    """The control port's application."""

    def __init__(self, site: Site, api_address: Callable[[], str]) -> None:
        self._site = site
        self._api_address = api_address
        self._waiting: dict[tuple[str, str], Callable[[_Values], Awaitable[Answer]]] = {
            ("GET", "/holds"): self._holds,
            ("GET", "/journal"): self._journal,
        }
        self._operations: dict[tuple[str, str], Callable[[Request, _Values], Answer]] = {
            ("GET", "/"): self._state,
            ("GET", "/credentials"): self._credentials,
            ("DELETE", "/credentials"): self._revoke,
            ("DELETE", "/journal"): self._clear_journal,
            ("GET", "/totals"): lambda _r, _q: _answer(self._site.journal.totals()),
            ("GET", "/unknown"): lambda _r, _q: _answer(self._site.journal.unknown()),
            ("GET", "/limits"): lambda _r, _q: _answer(self._site.accounts.snapshot()),
            ("PUT", "/limits"): self._change_limit,
            ("GET", "/clock"): lambda _r, _q: _answer({"now": self._site.clock.now()}),
            ("PUT", "/clock"): self._change_clock,
            ("POST", "/holds"): self._hold,
            ("DELETE", "/holds"): self._release_all,
            ("POST", "/faults"): self._fault,
            ("GET", "/faults"): lambda _r, _q: _answer(self._site.faults.snapshot()),
            ("DELETE", "/faults"): self._remove_faults,
            ("PATCH", "/world"): self._change_world,
            ("POST", "/rename"): self._rename,
        }

    # -- what the wire asks

    def head_arrived(self, _request: Request) -> Gate | None:
        return None

    def respond(self, request: Request) -> Answer | Awaitable[Answer]:
        path, _, query = request.target.decode("latin-1").partition("?")
        values = dict(parse_qsl(query))
        try:
            waiting = self._waiting.get((request.method, path))
            if waiting is not None:
                return self._patient(waiting(values))
            operation = self._operations.get((request.method, path))
            if operation is not None:
                return operation(request, values)
            numbered = _NUMBERED.fullmatch(path)
            if numbered is not None and request.method == "DELETE":
                return self._remove(numbered[1], int(numbered[2]))
        except (msgspec.DecodeError, orders.OrderError, ValueError) as error:
            return _answer({"message": str(error)}, 400)
        return _answer({"message": f"Nothing answers {request.method} {path} here."}, 404)

    def ended(self, request: Request, *, completely: bool) -> None:
        """Nothing to note."""

    def malformed(self) -> Answer:
        return _answer({"message": "This is no HTTP request."}, 400)

    async def _patient(self, waiting: Awaitable[Answer]) -> Answer:
        try:
            return await waiting
        except ValueError as error:
            return _answer({"message": str(error)}, 400)

    # -- reading

    def _state(self, _request: Request, _values: _Values) -> Answer:
        world = self._site.world
        return _answer(
            {
                "api": self._api_address(),
                "seed": world.seed,
                "organization": world.organization.login,
                "repositories": [
                    {
                        "id": each.id,
                        "full_name": each.full_name,
                        "private": each.is_private,
                        "issues": len(each.issues),
                    }
                    for each in world.repositories.values()
                ],
                "former_names": {"acme/old-anvil": "acme/anvil"},
            }
        )

    def _credentials(self, _request: Request, _values: _Values) -> Answer:
        keyring = self._site.keyring
        credentials = keyring.credentials(self._site.clock.now())
        pem = keyring.keys.private_key_pem()
        return _answer([_described(each, pem) for each in credentials])

    async def _holds(self, values: _Values) -> Answer:
        """Waits for `held` (at least) or `at_most`; 408 where that does not come to pass."""
        holds = self._site.holds
        if not values.keys() & {"held", "at_most"}:
            return _answer(holds.snapshot())
        least, most = int(values.get("held", 0)), float(values.get("at_most", "inf"))
        reached = await holds.reached(least, most, _patience(values))
        return _answer(holds.snapshot(), 200 if reached else 408)

    async def _journal(self, values: _Values) -> Answer:
        """Entries, those that `ended` so where that is stated; waits for `at_least` of them."""
        ended, least = values.get("ended"), int(values.get("at_least", 0))
        for _ in range(1 + int(_patience(values) / _GLANCE_SECONDS)):
            entries = self._site.journal.entries(ended)
            if len(entries) >= least:
                return _answer(entries)
            await asyncio.sleep(_GLANCE_SECONDS)
        return _answer(self._site.journal.entries(ended), 408)

    # -- changing

    def _clear_journal(self, _request: Request, _values: _Values) -> Answer:
        self._site.journal.clear()
        return _done()

    def _revoke(self, _request: Request, values: _Values) -> Answer:
        token = values.get("token", "")
        return _done() if self._site.keyring.revoke(token) else _missing("credential")

    def _change_limit(self, request: Request, _values: _Values) -> Answer:
        order = msgspec.json.decode(request.content, type=orders.LimitOrder)
        self._site.accounts.change(
            order.identity, order.resource, int(self._site.clock.now()), order.limit, order.used
        )
        return _answer(self._site.accounts.snapshot())

    def _change_clock(self, request: Request, _values: _Values) -> Answer:
        clock = self._site.clock
        order = msgspec.json.decode(request.content, type=orders.ClockOrder)
        if order.now is not None:
            clock.freeze(order.now)
        if order.advance_seconds is not None:
            clock.advance(order.advance_seconds)
        if order.now is None and order.advance_seconds is None:
            clock.reset()
        return _answer({"now": clock.now()})

    def _hold(self, request: Request, _values: _Values) -> Answer:
        order = msgspec.json.decode(request.content, type=HoldOrder)
        return _answer({"id": self._site.holds.add(order).number}, 201)

    def _release_all(self, _request: Request, _values: _Values) -> Answer:
        self._site.holds.release()
        return _done()

    def _fault(self, request: Request, _values: _Values) -> Answer:
        order = msgspec.json.decode(request.content, type=FaultOrder)
        return _answer({"id": self._site.faults.add(order).number}, 201)

    def _remove_faults(self, _request: Request, _values: _Values) -> Answer:
        self._site.faults.remove()
        return _done()

    def _remove(self, kind: str, number: int) -> Answer:
        if kind == "holds":
            removed = self._site.holds.release(number)
        else:
            removed = self._site.faults.remove(number)
        return _done() if removed else _missing(kind.removesuffix("s"))

    def _change_world(self, request: Request, _values: _Values) -> Answer:
        order = msgspec.json.decode(request.content, type=orders.WorldOrder)
        return _answer(orders.change_world(self._site.world, order, self._site.clock.now()))

    def _rename(self, request: Request, _values: _Values) -> Answer:
        order = msgspec.json.decode(request.content, type=orders.RenameOrder)
        return _answer(orders.rename(self._site.world, order, self._site.clock.now()))


def _described(credential: Credential, pem: str) -> dict[str, object]:
    described: dict[str, object] = {
        "kind": credential.kind,
        "label": credential.label,
        "token": credential.token,
        "identity": credential.identity,
        "sees_private": credential.sees_private,
    }
    if credential.account is not None:
        described["login"] = credential.account.login
    if credential.scopes:
        described["scopes"] = credential.scopes
    if credential.permissions is not None:
        described["permissions"] = credential.permissions
    if credential.expires_at is not None:
        described["expires_at"] = credential.expires_at
    if credential.app is not None:
        described |= {"app": credential.app.slug, "app_id": credential.app.id}
    if credential.installation is not None:
        described["installation_id"] = credential.installation.id
    if credential.kind is Kind.APP_JWT and credential.app is not None:
        described |= {"client_id": credential.app.client_id, "private_key": pem}
    return described


def _answer(value: object, status: int = 200) -> Answer:
    content = msgspec.json.encode(value)
    head = status_line(status) + (
        b"Content-Type: application/json; charset=utf-8\r\nContent-Length: %d\r\n"
        b"Cache-Control: no-store\r\n\r\n" % len(content)
    )
    return Answer(status, head, content)


def _patience(values: _Values) -> float:
    return min(float(values.get("timeout_seconds", 10)), _LONGEST_WAIT_SECONDS)


def _done() -> Answer:
    return Answer(204, status_line(204) + b"\r\n")


def _missing(what: str) -> Answer:
    return _answer({"message": f"There is no such {what}."}, 404)
