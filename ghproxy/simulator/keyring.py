"""From an Authorization value to the credential it is, and the minting of new ones.

`Bearer X` and `token X` are equal for tokens, a JWT must be `Bearer`, Basic carries a token as
its password (github-api.md 6).
"""

import base64
import binascii
import hashlib
import string
import time

from ghproxy.simulator.app_keys import AppKeys
from ghproxy.simulator.credentials import Credential, Kind, anonymous
from ghproxy.simulator.errors import bad_credentials
from ghproxy.simulator.world.entities import Account, Installation
from ghproxy.simulator.world.world import World

_ALPHABET = string.ascii_letters + string.digits
_MEMO_LIMIT = 10_000
_HOUR = 3600


class Keyring:
    """Every credential that opens something, and a memo of Authorization values already read."""

    def __init__(self, world: World, now: float) -> None:
        self._world = world
        self._tokens: dict[str, Credential] = {}
        self._memo: dict[tuple[bytes, str], Credential] = {}
        self._minted = 0
        self.keys = AppKeys(world.app)
        self._app_identity = f"app:{world.app.id}"
        self._seed_tokens(now)

    def credentials(self, now: float) -> list[Credential]:
        """Those that are good now, the App's freshly signed JWT last."""
        good = [item for item in self._tokens.values() if not _has_expired(item, now)]
        return [*good, self._app_credential(self.keys.fresh_jwt(now), None)]

    def credential(self, authorization: bytes | None, peer: str, now: float) -> Credential:
        """Whose request it is; refused where the credential is no good."""
        found = self._memo.get((authorization or b"", peer))
        if found is None:
            found = self._read(authorization, peer, now)
            if len(self._memo) >= _MEMO_LIMIT:
                self._memo.clear()
            self._memo[authorization or b"", peer] = found
        if found.expires_at is not None and _has_expired(found, now):
            raise bad_credentials()
        return found

    def mint(
        self,
        installation: Installation,
        permissions: dict[str, str],
        repository_ids: frozenset[int] | None,
        now: float,
        *,
        is_stateless: bool,
    ) -> Credential:
        """A new installation token: an hour, bounded, in the short or the long form."""
        self._minted += 1
        label = f"installation:{self._minted}"
        token = self._token("ghs_", 36, label)
        if is_stateless:
            body = self._token("", 452, label + ":claims")
            signature = self._token("", 43, label + ":signature")
            token = f"ghs_{installation.app.id}_eyJhbGciOi.{body}.{signature}"
        reach = _intersection(installation.repository_ids, repository_ids)
        bounds = "all" if reach is None else sorted(reach)
        digest = hashlib.sha256(f"{bounds};{sorted(permissions.items())}".encode()).hexdigest()
        credential = Credential(
            kind=Kind.INSTALLATION,
            label=label,
            identity=f"installation:{installation.id}",
            viewer=f"installation:{installation.id}:{digest[:16]}",
            token=token,
            app=installation.app,
            installation=installation,
            permissions=permissions,
            repository_ids=reach,
            sees_private=True,
            writes=True,
            expires_at=now + _HOUR,
            limits=self._installation_limits(),
        )
        self._tokens[token] = credential
        return credential

    def revoke(self, token: str) -> bool:
        """Make a token worthless; whether there was one."""
        self._memo.clear()
        return self._tokens.pop(token, None) is not None

    # -- reading

    def _read(self, authorization: bytes | None, peer: str, now: float) -> Credential:
        if authorization is None:
            return anonymous(peer)
        scheme, _, rest = authorization.decode("latin-1").partition(" ")
        token = rest.strip()
        match scheme.lower():
            case "basic":
                token = _basic_token(token)
            case "bearer" if _is_jwt(token):
                return self._app_credential(token, self.keys.expiry(token, now))
            case "bearer" | "token":
                pass
            case _:
                raise bad_credentials()
        found = self._tokens.get(token)
        if found is None:
            raise bad_credentials()
        return found

    def _app_credential(self, token: str, expires_at: float | None) -> Credential:
        return Credential(
            kind=Kind.APP_JWT,
            label="app_jwt",
            identity=self._app_identity,
            viewer=self._app_identity,
            token=token,
            app=self._world.app,
            expires_at=expires_at,
        )

    # -- the tokens the world starts with

    def _seed_tokens(self, now: float) -> None:
        person = self._world.accounts
        ada, ben, carol = person["ada"], person["ben"], person["carol"]
        month = now + 30 * 24 * _HOUR
        self._add(self._classic(Kind.PERSONAL, ada, ("read:org", "repo", "workflow"), month))
        self._add(self._classic(Kind.PERSONAL, ben, ("public_repo", "read:org"), None))
        self._add(self._classic(Kind.PERSONAL, carol, ("repo",), None))
        self._add(self._fine_grained(ada, month))
        self._add(self._classic(Kind.OAUTH, ben, ("repo", "read:org"), None))
        installation = next(iter(self._world.installations.values()))
        for is_stateless in (False, True):
            self.mint(installation, installation.permissions, None, now, is_stateless=is_stateless)

    def _add(self, credential: Credential) -> None:
        self._tokens[credential.token] = credential

    def _classic(
        self, kind: Kind, account: Account, scopes: tuple[str, ...], expires_at: float | None
    ) -> Credential:
        label = f"{kind}:{account.login}"
        prefix = "ghp_" if kind is Kind.PERSONAL else "gho_"
        client_id = self._world.app.client_id.encode() if kind is Kind.OAUTH else None
        return Credential(
            kind=kind,
            label=label,
            identity=f"user:{account.id}",
            viewer=label,
            token=self._token(prefix, 36, label),
            account=account,
            scopes=scopes,
            sees_private="repo" in scopes and account in self._world.members,
            writes=account in self._world.members,
            expires_at=expires_at,
            scope_fields=_scope_fields(scopes, client_id),
            expiry_fields=_expiry_fields(expires_at),
        )

    def _fine_grained(self, account: Account, expires_at: float) -> Credential:
        label = f"{Kind.FINE_GRAINED}:{account.login}"
        first = self._token("github_pat_", 22, label)
        return Credential(
            kind=Kind.FINE_GRAINED,
            label=label,
            identity=f"user:{account.id}",
            viewer=label,
            token=first + "_" + self._token("", 59, label + ":second"),
            account=account,
            permissions=dict(self._world.app.permissions),
            sees_private=True,
            writes=True,
            expires_at=expires_at,
            expiry_fields=_expiry_fields(expires_at),
        )

    def _installation_limits(self) -> dict[str, int]:
        """5,000 and 50 for each repository beyond 20, at most 12,500 (github-api.md 1)."""
        extra = 50 * max(0, len(self._world.repositories) - 20)
        core = min(12_500, 5_000 + extra)
        return {"core": core, "search": 30, "code_search": 10, "graphql": core}

    def _token(self, prefix: str, length: int, label: str) -> str:
        material = hashlib.shake_256(f"{self._world.seed}:{label}".encode()).digest(length)
        return prefix + "".join(_ALPHABET[byte % len(_ALPHABET)] for byte in material)


def is_jwt(authorization: bytes | None) -> bool:
    """Whether this is a Bearer that looks like a JWT, good or not."""
    scheme, _, token = (authorization or b"").decode("latin-1").partition(" ")
    return scheme.lower() == "bearer" and _is_jwt(token.strip())


def _is_jwt(token: str) -> bool:
    return token.count(".") == 2 and not token.startswith("ghs_")


def _basic_token(value: str) -> str:
    """The token in `user:token`; either place will do, as `x-access-token:T` and `T:` show."""
    try:
        user, _, password = base64.b64decode(value, validate=True).decode("latin-1").partition(":")
    except (binascii.Error, ValueError) as error:
        raise bad_credentials() from error
    return password if password and password != "x-oauth-basic" else user  # noqa: S105  a marker


def _has_expired(credential: Credential, now: float) -> bool:
    return credential.expires_at is not None and credential.expires_at <= now


def _intersection(
    one: frozenset[int] | None, other: frozenset[int] | None
) -> frozenset[int] | None:
    if one is None or other is None:
        return other if one is None else one
    return one & other


def _scope_fields(scopes: tuple[str, ...], client_id: bytes | None) -> bytes:
    lines = b"X-OAuth-Scopes: %s\r\n" % ", ".join(scopes).encode()
    return lines if client_id is None else lines + b"X-OAuth-Client-Id: %s\r\n" % client_id


def _expiry_fields(expires_at: float | None) -> bytes:
    if expires_at is None:
        return b""
    moment = time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(expires_at))
    return b"github-authentication-token-expiration: %s\r\n" % moment.encode()
