"""What passes between an operation's handler and the rest: the call, and the reply as a value.

A handler never sees fields or bytes of the wire; a reply never says how it is encoded.
"""

from collections.abc import Iterable
from typing import Protocol, TypeVar

import msgspec

from ghproxy.simulator.accounting import Accounts
from ghproxy.simulator.credentials import Credential
from ghproxy.simulator.errors import Refusal, bad_json, moved, not_accessible, not_found
from ghproxy.simulator.errors import requires_authentication as requires_auth
from ghproxy.simulator.keyring import Keyring
from ghproxy.simulator.media import Media
from ghproxy.simulator.message import Request
from ghproxy.simulator.world.entities import Account, Repository
from ghproxy.simulator.world.world import World

JSON_TYPE = b"application/json; charset=utf-8"
T = TypeVar("T")


class Versioned(Protocol):
    """What a rendering is made of; its version grows when it changes."""

    version: int


class Reply(msgspec.Struct, frozen=True, kw_only=True):
    """An answer before it is encoded.

    `value` is JSON, `text` anything else. `scope` is what the content was made of; a reply that
    has none is made anew each time. `git_sha` becomes the entity tag where there is one. A
    `stream` of `stream_bytes` bytes has no other tag.
    """

    status: int = 200
    value: object = None
    text: bytes | None = None
    content_type: bytes = JSON_TYPE
    media_field: bytes | None = None
    scope: Versioned | None = None
    last_modified: float | None = None
    git_sha: str | None = None
    link: str = ""
    location: str = ""
    stream: Iterable[bytes] | None = None
    stream_bytes: int = 0


class Call(msgspec.Struct, kw_only=True):
    """One request as a handler sees it; `base` is the API's own address as this client knows it."""

    request: Request
    params: dict[str, str]
    query: dict[str, str]
    base: str
    viewer: Credential
    media: Media
    api_version: str
    now: float
    world: World
    keyring: Keyring
    accounts: Accounts

    def repository(self) -> Repository:
        """The repository of the path; refused where this credential may not know of it."""
        by_id = self.params.get("repository_id")
        if by_id is not None:
            found = self.world.repositories.get(int(by_id))
        else:
            name = f"{self.params['owner']}/{self.params['repo']}"
            found = self.world.repository(name)
            former = self.world.moved_repository(name) if found is None else None
            if former is not None and self.viewer.may_see(former):
                raise moved(
                    self._moved_address(former), is_safe=self.request.method in {"GET", "HEAD"}
                )
        if found is None or not self.viewer.may_see(found):
            raise not_found()
        return found

    def _moved_address(self, repository: Repository) -> str:
        target = self.request.target.decode("latin-1")
        path = target[target.index("/repos/") + len("/repos/") :]
        rest = path.split("/", 2)[2:]
        name, mark, query = path.partition("?")
        tail = f"/{rest[0]}" if rest else (mark + query if name.count("/") == 1 else "")
        return f"{self.base}/repositories/{repository.id}{tail}"

    def writable(self, permission: str) -> Repository:
        """The repository of the path, where this credential may change `permission` of it."""
        repository = self.repository()
        if self.viewer.is_anonymous:
            raise requires_auth()
        if not self.viewer.may_write(repository, permission):
            raise not_accessible(self.viewer.kind)
        return repository

    def organization(self) -> Account:
        by_id = self.params.get("org_id")
        account = (
            self.world.accounts_by_id.get(int(by_id))
            if by_id is not None
            else self.world.account(self.params["org"])
        )
        if account is None or not account.is_organization:
            raise not_found()
        return account

    def user(self) -> Account:
        """The user whose token this is."""
        if self.viewer.account is None:
            raise (
                requires_auth()
                if self.viewer.is_anonymous
                else Refusal(403, "Resource not accessible by integration")
            )
        return self.viewer.account

    def content(self, kind: type[T]) -> T:
        """The JSON content as a value of that type; 400 where it is no JSON, 422 where not one."""
        try:
            return msgspec.json.decode(self.request.content or b"{}", type=kind)
        except msgspec.ValidationError as error:
            raise Refusal(422, f"Invalid request.\n\n{error}") from error
        except msgspec.DecodeError as error:
            raise bad_json() from error
