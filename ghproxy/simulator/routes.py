"""What an operation is: method, path template, handler, and the facts its answers depend on.

Operations are data. Facts that decide about fields (poll interval, max-age, resource, entity tag)
come from github-api.md 3.3, 3.5 and 5.
"""

import re
from collections.abc import Callable, Iterable
from urllib.parse import unquote

import msgspec

from ghproxy.simulator.reply import Call, Reply

Handler = Callable[[Call], Reply]
_NAMED = re.compile(r":(\w+)(\*?)")
_MEMO_LIMIT = 50_000


class Operation(msgspec.Struct, frozen=True, kw_only=True):
    """One line of GitHub's reference.

    `docs` is the page below docs.github.com/rest. `scopes` and `permissions` are what the answer
    says it accepts. `is_open` operations know neither credentials nor limits; `is_free` ones are
    not charged. `max_age` of None means `Cache-Control: no-cache` and no entity tag.
    """

    method: str
    template: str
    handler: Handler
    docs: str = ""
    scopes: str = ""
    permissions: str = ""
    resource: str = "core"
    max_age: int | None = 60
    poll_interval: int | None = None
    is_open: bool = False
    is_free: bool = False
    needs_app: bool = False
    needs_user: bool = False


class Found(msgspec.Struct, frozen=True):
    """An operation and the values of its template; `prefix` is `/api/v3` where that was used."""

    operation: Operation
    params: dict[str, str]
    prefix: str


class Routes:
    """Finds the operation of a method and a path."""

    def __init__(self, operations: Iterable[Operation]) -> None:
        self._by_method: dict[str, list[tuple[re.Pattern[str], Operation]]] = {}
        for operation in operations:
            pattern = _pattern(operation.template)
            self._by_method.setdefault(operation.method, []).append((pattern, operation))
        self._memo: dict[tuple[str, bytes], Found | None] = {}

    def find(self, method: str, path: bytes) -> Found | None:
        """HEAD is found as GET; a trailing slash is another path, as on GitHub."""
        key = (method, path)
        if key not in self._memo:
            if len(self._memo) >= _MEMO_LIMIT:
                self._memo.clear()
            self._memo[key] = self._find(method, path.decode("latin-1"))
        return self._memo[key]

    def _find(self, method: str, path: str) -> Found | None:
        prefix = ""
        if path.startswith("/api/v3/"):
            prefix, path = "/api/v3", path.removeprefix("/api/v3")
        elif path == "/api/graphql":
            prefix, path = "/api", "/graphql"
        for pattern, operation in self._by_method.get("GET" if method == "HEAD" else method, ()):
            match = pattern.fullmatch(path)
            if match is not None:
                params = {name: unquote(value) for name, value in match.groupdict().items()
                          if value is not None}  # fmt: skip
                return Found(operation, params, prefix)
        return None


def _pattern(template: str) -> re.Pattern[str]:
    """`:name` is one segment, `:some_id` digits, `:name*` all the rest.

    Repositories and organisations also go by id.
    """
    text = _NAMED.sub(_named_group, template)
    repository = "/repos/(?P<owner>[^/]+)/(?P<repo>[^/]+)"
    if text.startswith(repository):
        text = rf"(?:{repository}|/repositories/(?P<repository_id>\d+))" + text[len(repository) :]
    organization = "/orgs/(?P<org>[^/]+)"
    if text.startswith(organization):
        text = rf"(?:{organization}|/organizations/(?P<org_id>\d+))" + text[len(organization) :]
    return re.compile(text)


def _named_group(match: re.Match[str]) -> str:
    if match[2]:
        return f"(?P<{match[1]}>.+)"
    return rf"(?P<{match[1]}>\d+)" if match[1].endswith("_id") else f"(?P<{match[1]}>[^/]+)"
