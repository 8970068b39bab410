"""Who is asking: the kinds of credentials GitHub knows and what each may see and do.

Tokens here are made up from the seed and open nothing outside this process.
"""

import enum

import msgspec

from ghproxy.simulator.accounting import ANONYMOUS_LIMITS, USER_LIMITS
from ghproxy.simulator.world.entities import Account, App, Installation, Repository


class Kind(enum.StrEnum):
    PERSONAL = "personal"
    FINE_GRAINED = "fine_grained"
    OAUTH = "oauth"
    INSTALLATION = "installation"
    APP_JWT = "app_jwt"
    ANONYMOUS = "anonymous"


class Credential(msgspec.Struct, frozen=True, kw_only=True):
    """One credential.

    `identity` is who is charged; `viewer` tells apart those who may get different content;
    `permissions` bounds fine-grained and installation tokens, `scopes` the classic ones;
    `repository_ids` is None where all of the account's are reachable.
    """

    kind: Kind
    label: str
    identity: str
    viewer: str
    token: str = ""
    account: Account | None = None
    app: App | None = None
    installation: Installation | None = None
    scopes: tuple[str, ...] = ()
    permissions: dict[str, str] | None = None
    repository_ids: frozenset[int] | None = None
    sees_private: bool = False
    writes: bool = False
    expires_at: float | None = None
    limits: dict[str, int] = msgspec.field(default_factory=lambda: USER_LIMITS)
    scope_fields: bytes = b""
    expiry_fields: bytes = b""

    @property
    def is_anonymous(self) -> bool:
        return self.kind is Kind.ANONYMOUS

    @property
    def selects(self) -> bool:
        """Whether answers to it vary by Authorization: all but anonymous and App JWT."""
        return self.kind is not Kind.ANONYMOUS and self.kind is not Kind.APP_JWT

    @property
    def shows_permissions(self) -> bool:
        """Whether answers to it name the permissions that the operation takes."""
        return self.kind is Kind.FINE_GRAINED or self.kind is Kind.INSTALLATION

    @property
    def shows_scopes(self) -> bool:
        return self.kind is Kind.PERSONAL or self.kind is Kind.OAUTH

    def may_see(self, repository: Repository) -> bool:
        return not repository.is_private or (self.sees_private and self._reaches(repository))

    def may_write(self, repository: Repository, permission: str) -> bool:
        """Whether it may change what `permission` (`issues`, `contents`, ...) covers."""
        if not self.writes or not self.may_see(repository):
            return False
        if self.permissions is not None and self.permissions.get(permission) != "write":
            return False
        return self._reaches(repository)

    def _reaches(self, repository: Repository) -> bool:
        return self.repository_ids is None or repository.id in self.repository_ids


def anonymous(peer: str) -> Credential:
    return Credential(
        kind=Kind.ANONYMOUS,
        label="anonymous",
        identity=f"ip:{peer}",
        viewer="anonymous",
        limits=ANONYMOUS_LIMITS,
    )
