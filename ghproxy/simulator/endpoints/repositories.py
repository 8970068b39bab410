"""Repositories, their branches and commits."""

from ghproxy.simulator.documents import git as documents
from ghproxy.simulator.documents.repositories import full_repository, repository_item
from ghproxy.simulator.endpoints.lists import listed
from ghproxy.simulator.errors import Refusal, invalid, not_found
from ghproxy.simulator.reply import Call, Reply
from ghproxy.simulator.routes import Operation
from ghproxy.simulator.world.entities import Account, Repository
from ghproxy.simulator.world.git import Commit
from ghproxy.simulator.world.world import World


def repository(call: Call) -> Reply:
    found = call.repository()
    value = full_repository(found, call.base, call.viewer)
    return Reply(value=value, scope=found, last_modified=found.updated_at)


def edit_repository(call: Call) -> Reply:
    found = call.writable("administration" if call.viewer.permissions is not None else "contents")
    changes = call.content(dict[str, object])
    name, description = changes.get("name"), changes.get("description", found.description)
    if description is not None and not isinstance(description, str):
        raise invalid("Repository", "description", "invalid")
    found.description = description
    found.updated_at = call.now
    if isinstance(name, str) and name != found.name:
        call.world.rename(found, name, call.now)
    call.world.touch(found)
    return Reply(value=full_repository(found, call.base, call.viewer))


def organization_repositories(call: Call) -> Reply:
    account = call.organization()
    seen = [each for each in call.world.repositories_of(account) if call.viewer.may_see(each)]
    kind = call.query.get("type", "all")
    if kind in {"public", "private"}:
        seen = [each for each in seen if each.is_private == (kind == "private")]
    return _repositories(call, seen, f"/organizations/{account.id}/repos")


def user_repositories(call: Call) -> Reply:
    account = call.world.account(call.params["login"])
    if account is None:
        raise not_found()
    seen = [each for each in call.world.repositories_of(account) if call.viewer.may_see(each)]
    return _repositories(call, seen, f"/user/{account.id}/repos")


def own_repositories(call: Call) -> Reply:
    account = call.user()
    reachable = account in call.world.members
    seen = [
        each
        for each in call.world.repositories.values()
        if call.viewer.may_see(each) and (reachable or each.owner is account)
    ]
    return _repositories(call, seen, "/user/repos")


def _repositories(call: Call, seen: list[Repository], address: str) -> Reply:
    return listed(
        call, seen, lambda each: repository_item(each, call.base, call.viewer), address, call.world
    )


def commit_author(world: World, commit: Commit) -> Account | None:
    return world.account(commit.author_email.partition("@")[0])


def resolved(found: Repository, name: str) -> Commit:
    """The commit a name means; 409 in an empty repository, 422 where there is none such."""
    if not found.git.refs:
        raise Refusal(409, "Git Repository is empty.")
    commit = found.git.resolve(name)
    if commit is None:
        raise Refusal(422, f"No commit found for SHA: {name}")
    return commit


def commits(call: Call) -> Reply:
    found = call.repository()
    start = resolved(found, call.query.get("sha", found.default_branch))
    return listed(
        call,
        found.git.history(start),
        lambda each: documents.commit_item(each, commit_author(call.world, each), found, call.base),
        f"/repositories/{found.id}/commits",
        found,
        last_modified=start.at,
    )


def commit(call: Call) -> Reply:
    found = call.repository()
    value = resolved(found, call.params["ref"])
    if call.media.param == "sha":
        text = value.sha.encode("ascii")
        kind = b"application/vnd.github.sha; charset=utf-8"
        return Reply(text=text, content_type=kind, git_sha=value.sha, scope=found)
    before = value.parents[0] if value.parents else None
    if call.media.param == "diff":
        text = documents.diff(found.git, before, value.sha).encode()
        kind = b"application/vnd.github.diff; charset=utf-8"
        return Reply(text=text, content_type=kind, scope=found, last_modified=value.at)
    if call.media.param == "patch":
        text = documents.patch(found.git, before, value).encode()
        kind = b"application/vnd.github.patch; charset=utf-8"
        return Reply(text=text, content_type=kind, scope=found, last_modified=value.at)
    document = documents.full_commit(value, commit_author(call.world, value), found, call.base)
    return Reply(value=document, scope=found, last_modified=value.at)


def branches(call: Call) -> Reply:
    found = call.repository()
    names = sorted(name[6:] for name in found.git.refs if name.startswith("heads/"))
    url = f"{call.base}/repos/{found.full_name}/commits"

    def branch_item(name: str) -> dict[str, object]:
        sha = found.git.refs[f"heads/{name}"]
        return {"name": name, "commit": {"sha": sha, "url": f"{url}/{sha}"}, "protected": False}

    return listed(call, names, branch_item, f"/repositories/{found.id}/branches", found)


def branch(call: Call) -> Reply:
    found = call.repository()
    name = call.params["branch"]
    sha = found.git.refs.get(f"heads/{name}")
    if sha is None:
        raise Refusal(404, "Branch not found")
    value = found.git.commits[sha]
    url = f"{call.base}/repos/{found.full_name}/branches/{name}"
    document: dict[str, object] = {
        "name": name,
        "commit": documents.commit_item(value, commit_author(call.world, value), found, call.base),
        "_links": {
            "self": url,
            "html": f"https://github.com/{found.full_name}/tree/{name}",
        },
        "protected": False,
        "protection": {
            "enabled": False,
            "required_status_checks": {
                "enforcement_level": "off",
                "contexts": [],
                "checks": [],
            },
        },
        "protection_url": f"{url}/protection",
    }
    return Reply(value=document, scope=found)


OPERATIONS = (
    Operation(
        method="GET", template="/repos/:owner/:repo", handler=repository,
        docs="repos/repos#get-a-repository", scopes="repo", permissions="metadata=read",
    ),
    Operation(
        method="PATCH", template="/repos/:owner/:repo", handler=edit_repository,
        docs="repos/repos#update-a-repository", scopes="repo", permissions="administration=write",
    ),
    Operation(
        method="GET", template="/orgs/:org/repos", handler=organization_repositories,
        docs="repos/repos#list-organization-repositories", scopes="admin:org, read:org, repo",
        permissions="metadata=read",
    ),
    Operation(
        method="GET", template="/users/:login/repos", handler=user_repositories,
        docs="repos/repos#list-repositories-for-a-user", permissions="metadata=read",
    ),
    Operation(
        method="GET", template="/user/repos", handler=own_repositories,
        docs="repos/repos#list-repositories-for-the-authenticated-user", scopes="repo",
        permissions="metadata=read",
    ),
    Operation(
        method="GET", template="/repos/:owner/:repo/commits", handler=commits,
        docs="commits/commits#list-commits", permissions="contents=read",
    ),
    Operation(
        method="GET", template="/repos/:owner/:repo/commits/:ref*", handler=commit,
        docs="commits/commits#get-a-commit", permissions="contents=read",
    ),
    Operation(
        method="GET", template="/repos/:owner/:repo/branches", handler=branches,
        docs="branches/branches#list-branches", permissions="contents=read",
    ),
    Operation(
        method="GET", template="/repos/:owner/:repo/branches/:branch*", handler=branch,
        docs="branches/branches#get-a-branch", permissions="contents=read",
    ),
)  # fmt: skip
