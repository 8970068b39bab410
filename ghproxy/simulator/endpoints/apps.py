"""Apps: who they are, where they are installed, and the tokens they mint (github-api.md 6)."""

import msgspec

from ghproxy.simulator.clock import iso
from ghproxy.simulator.credentials import Kind
from ghproxy.simulator.documents import accounts as documents
from ghproxy.simulator.documents.repositories import repository_item
from ghproxy.simulator.endpoints.lists import listed
from ghproxy.simulator.errors import Refusal, bad_credentials, not_found
from ghproxy.simulator.reply import Call, Reply
from ghproxy.simulator.routes import Operation
from ghproxy.simulator.world.entities import App, Installation, Repository

_LEVELS = {"read": 1, "write": 2, "admin": 3}


class _Scoping(msgspec.Struct):
    """What a mint request may ask for."""

    repositories: list[str] | None = None
    repository_ids: list[int] | None = None
    permissions: dict[str, str] | None = None


def _app(call: Call) -> App:
    """The App whose JWT this is."""
    if call.viewer.kind is not Kind.APP_JWT or call.viewer.app is None:
        raise bad_credentials("A JSON web token could not be decoded")
    return call.viewer.app


def app(call: Call) -> Reply:
    value = _app(call)
    document = documents.app(value, call.base, len(call.world.installations))
    return Reply(value=document, scope=call.world)


def installations(call: Call) -> Reply:
    _app(call)
    return listed(
        call,
        list(call.world.installations.values()),
        lambda each: documents.installation(each, call.base),
        "/app/installations",
        call.world,
    )


def _installation(call: Call) -> Installation:
    _app(call)
    number = call.params["installation"]
    found = call.world.installations.get(int(number)) if number.isdigit() else None
    if found is None:
        raise not_found()
    return found


def installation(call: Call) -> Reply:
    return Reply(value=documents.installation(_installation(call), call.base), scope=call.world)


def organization_installation(call: Call) -> Reply:
    _app(call)
    account = call.organization()
    for each in call.world.installations.values():
        if each.account is account:
            return Reply(value=documents.installation(each, call.base), scope=call.world)
    raise not_found()


def repository_installation(call: Call) -> Reply:
    """An App sees where it is installed, private repositories included."""
    _app(call)
    name = f"{call.params.get('owner')}/{call.params.get('repo')}"
    found = call.world.repository(name)
    for each in call.world.installations.values():
        if found is not None and _covers(each, found):
            return Reply(value=documents.installation(each, call.base), scope=call.world)
    raise not_found()


def _covers(value: Installation, repository: Repository) -> bool:
    return value.account is repository.owner and (
        value.repository_ids is None or repository.id in value.repository_ids
    )


def mint(call: Call) -> Reply:
    """A new installation token, bounded as the content says."""
    value = _installation(call)
    scoping = call.content(_Scoping)
    permissions = _granted(value, scoping.permissions)
    chosen = _chosen(call, value, scoping)
    wish = _field(call, b"x-github-stateless-s2s-token")
    token = call.keyring.mint(
        value, permissions, chosen, call.now, is_stateless=wish != b"disabled"
    )
    document: dict[str, object] = {
        "token": token.token,
        "expires_at": iso(token.expires_at or call.now),
        "permissions": permissions,
        "repository_selection": "selected"
        if chosen is not None or value.repository_ids is not None
        else "all",
    }
    if chosen is not None:
        document["repositories"] = [
            repository_item(call.world.repositories[each], call.base, token)
            for each in sorted(chosen)
        ]
    return Reply(status=201, value=document)


def _granted(value: Installation, wanted: dict[str, str] | None) -> dict[str, str]:
    if wanted is None:
        return dict(value.permissions)
    for name, level in wanted.items():
        held = value.permissions.get(name, "")
        if _LEVELS.get(level, 9) > _LEVELS.get(held, 0):
            raise Refusal(422, "The permissions requested are not granted to this installation.")
    return {"metadata": "read", **wanted}


def _chosen(call: Call, value: Installation, scoping: _Scoping) -> frozenset[int] | None:
    if scoping.repositories is None and scoping.repository_ids is None:
        return None
    found = [
        call.world.repository(f"{value.account.login}/{name}")
        for name in scoping.repositories or ()
    ] + [call.world.repositories.get(number) for number in scoping.repository_ids or ()]
    if any(each is None or not _covers(value, each) for each in found):
        raise Refusal(
            422,
            "There is at least one repository that does not exist or is not accessible to the "
            "parent installation.",
        )
    return frozenset(each.id for each in found if each is not None)


def _field(call: Call, name: bytes) -> bytes | None:
    for line, value in call.request.fields:
        if line.lower() == name:
            return value.lower()
    return None


def installation_repositories(call: Call) -> Reply:
    value = call.viewer.installation
    if value is None:
        raise (
            bad_credentials("Requires authentication")
            if call.viewer.is_anonymous
            else Refusal(403, "You must authenticate with an installation access token in order "
                         "to list repositories for an installation.")
        )  # fmt: skip
    bound = call.viewer.repository_ids
    seen = [
        each
        for each in call.world.repositories_of(value.account)
        if bound is None or each.id in bound
    ]
    return listed(
        call,
        seen,
        lambda each: repository_item(each, call.base, call.viewer),
        "/installation/repositories",
        call.world,
        key="repositories",
    )


def revoke(call: Call) -> Reply:
    if call.viewer.kind is not Kind.INSTALLATION:
        raise bad_credentials()
    call.keyring.revoke(call.viewer.token)
    return Reply(status=204)


OPERATIONS = (
    Operation(
        method="GET", template="/app", handler=app, docs="apps/apps#get-the-authenticated-app",
    ),
    Operation(
        method="GET", template="/app/installations", handler=installations,
        docs="apps/apps#list-installations-for-the-authenticated-app",
    ),
    Operation(
        method="GET", template="/app/installations/:installation", handler=installation,
        docs="apps/apps#get-an-installation-for-the-authenticated-app",
    ),
    Operation(
        method="POST", template="/app/installations/:installation/access_tokens", handler=mint,
        docs="apps/apps#create-an-installation-access-token-for-an-app",
    ),
    Operation(
        method="GET", template="/repos/:owner/:repo/installation",
        handler=repository_installation,
        docs="apps/apps#get-a-repository-installation-for-the-authenticated-app",
    ),
    Operation(
        method="GET", template="/orgs/:org/installation", handler=organization_installation,
        docs="apps/apps#get-an-organization-installation-for-the-authenticated-app",
    ),
    Operation(
        method="GET", template="/installation/repositories", handler=installation_repositories,
        docs="apps/installations#list-repositories-accessible-to-the-app-installation",
        permissions="metadata=read",
    ),
    Operation(
        method="DELETE", template="/installation/token", handler=revoke,
        docs="apps/installations#revoke-an-installation-access-token",
    ),
)  # fmt: skip
