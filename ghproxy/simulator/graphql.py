"""The least of GraphQL: selections of `viewer` and `rateLimit`, each query one point.

A query is read into nested selections; arguments and variables are skipped. What is not known is
answered as GitHub does, with an error in a 200.
"""

import re

from ghproxy.simulator.clock import iso
from ghproxy.simulator.reply import Call

_TOKEN = re.compile(
    r'"""[\s\S]*?"""|"(?:\\.|[^"\\])*"|\.\.\.|[_A-Za-z]\w*|-?[\d.]+|[{}()\[\]:!$@=|&]'
)
Selections = dict[str, "Selections | None"]


class QueryError(Exception):
    """A query that cannot be answered; the text is for the client."""


class Query:
    """One document's selections."""

    def __init__(self, text: str) -> None:
        self._tokens = _TOKEN.findall(re.sub(r"#[^\n]*", "", text))
        self._position = 0
        self._aliases: dict[str, str] = {}
        self._skip_to("{")
        self.selections = self._selections()

    def answer(self, call: Call) -> dict[str, object]:
        roots = {"viewer": _viewer(call), "rateLimit": _rate_limit(call)}
        return {
            alias: self._chosen(roots, alias, below, "Query")
            for alias, below in self.selections.items()
        }

    def _chosen(
        self, values: dict[str, dict[str, object]] | dict[str, object], alias: str,
        below: "Selections | None", kind: str,
    ) -> object:  # fmt: skip
        name = self._aliases[alias]
        if name not in values:
            raise QueryError(f"Field '{name}' doesn't exist on type '{kind}'")
        value = values[name]
        if below is None or not isinstance(value, dict):
            return value
        return {each: self._chosen(value, each, under, name) for each, under in below.items()}

    def _peek(self) -> str:
        if self._position >= len(self._tokens):
            raise QueryError("Expected one or more selections at the end of the document")
        token: str = self._tokens[self._position]
        return token

    def _take(self) -> str:
        token = self._peek()
        self._position += 1
        return token

    def _skip_to(self, opening: str) -> None:
        depth = 0
        while not (depth == 0 and self._peek() == opening):
            depth += {"(": 1, ")": -1}.get(self._take(), 0)

    def _skip_arguments(self) -> None:
        depth = 0
        while True:
            depth += {"(": 1, ")": -1}.get(self._take(), 0)
            if depth == 0:
                return

    def _selections(self) -> Selections:
        self._take()
        found: Selections = {}
        while self._peek() != "}":
            alias = name = self._take()
            if self._peek() == ":":
                self._take()
                name = self._take()
            self._aliases[alias] = name
            if self._peek() == "(":
                self._skip_arguments()
            found[alias] = self._selections() if self._peek() == "{" else None
        self._take()
        return found


def _viewer(call: Call) -> dict[str, object]:
    account = call.viewer.account
    if account is None:
        app = call.viewer.app
        return {"login": f"{app.slug}[bot]" if app is not None else "", "__typename": "Bot"}
    return {
        "login": account.login,
        "name": account.name,
        "databaseId": account.id,
        "__typename": "User",
    }


def _rate_limit(call: Call) -> dict[str, object]:
    """As it will stand once this query is charged."""
    viewer = call.viewer
    window = call.accounts.window(viewer.identity, "graphql", viewer.limits, int(call.now))
    return {
        "limit": window.limit,
        "cost": 1,
        "remaining": max(0, window.remaining - 1),
        "used": window.used + 1,
        "resetAt": iso(window.reset_at),
        "nodeCount": 0,
        "__typename": "RateLimit",
    }
