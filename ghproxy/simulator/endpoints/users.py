"""Users, organisations and their members."""

from ghproxy.simulator.documents import accounts as documents
from ghproxy.simulator.endpoints.lists import listed
from ghproxy.simulator.errors import not_found
from ghproxy.simulator.reply import Call, Reply
from ghproxy.simulator.routes import Operation
from ghproxy.simulator.world.entities import Account
from ghproxy.simulator.world.world import World


def own_user(call: Call) -> Reply:
    account = call.user()
    document = documents.private_user(account, call.base)
    return Reply(value=document, scope=call.world, last_modified=account.created_at)


def user(call: Call) -> Reply:
    return _user(call, call.world.account(call.params["login"]))


def user_by_id(call: Call) -> Reply:
    return _user(call, call.world.accounts_by_id.get(int(call.params["account_id"])))


def _user(call: Call, account: Account | None) -> Reply:
    if account is None:
        raise not_found()
    document = documents.public_user(account, call.base, _public_repositories(call.world, account))
    return Reply(value=document, scope=call.world, last_modified=account.created_at)


def organization(call: Call) -> Reply:
    account = call.organization()
    public = _public_repositories(call.world, account)
    document = documents.full_organization(account, call.base, public)
    return Reply(value=document, scope=call.world, last_modified=account.created_at)


def _public_repositories(world: World, account: Account) -> int:
    return sum(not each.is_private for each in world.repositories_of(account))


def members(call: Call) -> Reply:
    """All members to a member, the public ones to everybody else."""
    account = call.organization()
    belongs = call.viewer.account in call.world.members or call.viewer.installation is not None
    seen = [each for each in call.world.members if belongs or each.is_public_member]
    return _accounts(call, seen, f"/organizations/{account.id}/members")


def public_members(call: Call) -> Reply:
    account = call.organization()
    seen = [each for each in call.world.members if each.is_public_member]
    return _accounts(call, seen, f"/organizations/{account.id}/public_members")


def teams(call: Call) -> Reply:
    """No teams so far: a list that is empty."""
    call.organization()
    return Reply(value=[], scope=call.world)


def own_organizations(call: Call) -> Reply:
    account = call.user()
    mine = [call.world.organization] if account in call.world.members else []
    return listed(
        call,
        mine,
        lambda each: documents.simple_organization(each, call.base),
        "/user/orgs",
        call.world,
    )


def _accounts(call: Call, seen: list[Account], address: str) -> Reply:
    return listed(
        call, seen, lambda each: documents.simple_user(each, call.base), address, call.world
    )


OPERATIONS = (
    Operation(
        method="GET", template="/user", handler=own_user,
        docs="users/users#get-the-authenticated-user",
    ),
    Operation(
        method="GET", template="/user/orgs", handler=own_organizations,
        docs="orgs/orgs#list-organizations-for-the-authenticated-user",
        scopes="admin:org, read:org, repo, user, write:org",
    ),
    Operation(
        method="GET", template="/users/:login", handler=user, docs="users/users#get-a-user",
    ),
    Operation(
        method="GET", template="/user/:account_id", handler=user_by_id,
        docs="users/users#get-a-user-using-their-id",
    ),
    Operation(
        method="GET", template="/orgs/:org", handler=organization,
        docs="orgs/orgs#get-an-organization",
        scopes="admin:org, read:org, repo, user, write:org",
    ),
    Operation(
        method="GET", template="/orgs/:org/members", handler=members,
        docs="orgs/members#list-organization-members", permissions="members=read",
        scopes="admin:org, read:org, repo, user, write:org",
    ),
    Operation(
        method="GET", template="/orgs/:org/public_members", handler=public_members,
        docs="orgs/members#list-public-organization-members",
    ),
    Operation(
        method="GET", template="/orgs/:org/teams", handler=teams,
        docs="teams/teams#list-teams", permissions="members=read",
        scopes="admin:org, read:org, repo, user, write:org",
    ),
)  # fmt: skip
