"""GitHub paths that its REST description does not have, or names otherwise: data, no logic.

`PROW` are the labels of Prow's ghproxy; dashboards and alerts quote them, so a name never changes.
`OURS` closes the gaps its users met: values that hold slashes, paths that GitHub retired or never
described. A row is a prefix and what may follow it; `:name` is one segment, `:name*` one or more.
"""

Rows = tuple[tuple[str, str], ...]

_PROW_REPOSITORY: Rows = (
    ("", "archive/:zip assignees/:assigneeId collaborators/:collaboratorId/permission"),
    ("", "comments/:commentId commits/:sha/check-runs commits/:sha/status compare/:sha"),
    ("", "contents/:contentId keys/:keyId labels/:labelId milestones/:milestone"),
    ("", "releases/:releaseId statuses/:statusId subscribers/:subscriberId"),
    ("", "automated-security-fixes code-scanning/default-setup contributors deployments"),
    ("", "downloads events forks hooks languages merges notifications pages"),
    ("", "private-vulnerability-reporting properties/value stargazers stars tags teams topics"),
    ("", "transfer vulnerability-alerts"),
    ("branches/:branch/protection", "restrictions/users restrictions/teams enforce_admins"),
    ("branches/:branch/protection", "required_pull_request_reviews required_signatures"),
    ("branches/:branch/protection", "required_status_checks/contexts"),
    ("git", "commits/:sha ref/:refId refs/heads/:ref* tags/:tagId trees/:sha"),
    ("issues", "comments/:commentId events/:eventId"),
    ("issues/:issueId", "assignees comments events labels/:labelId* lock reactions"),
    ("pulls/:pullId", "comments commits files merge requested_reviewers reviews"),
)

_PROW_ORGANIZATION: Rows = (
    ("", "credential-authorizations/:credentialId repos issues invitations teams"),
    ("", "members/:login memberships/:login"),
    ("team/:teamId", "repos members"),
)


def _below(root: str, rows: Rows) -> Rows:
    return tuple((f"{root}/{prefix}" if prefix else root, rest) for prefix, rest in rows)


PROW: Rows = (
    ("app/installations/:id", "access_tokens"),
    *_below("repos/:owner/:repo", _PROW_REPOSITORY),
    *_below("repositories/:repoId", _PROW_REPOSITORY),
    *_below("orgs/:orgname", _PROW_ORGANIZATION),
    *_below("organizations/:orgId", _PROW_ORGANIZATION),
    ("user", "following/:userId keys/:keyId email/visibility emails public_emails"),
    ("user", "followers starred issues :id/repos"),
    ("users/:username", "followers/:username repos hovercard following"),
    ("teams/:id", "members memberships/:user repos/:org/:repo invitations"),
    ("search", "repositories commits code issues users topics labels"),
    ("notifications/threads/:threadId", "subscription"),
    ("", "issues/:issueId gists/public gists/starred emojis events feeds hub"),
    ("", "rate_limit graphql licenses"),
)
"""Every beginning of one of these is a label of its own, `/` included."""

_OUR_REPOSITORY: Rows = (
    ("", "branches/:branch* commits/:sha* compare/:sha* contents/:contentId* labels/:labelId*"),
    ("", "readme/:dir* statuses/:statusId* tarball/:ref* zipball/:ref* projects"),
    ("git", "matching-refs/:ref* ref/:refId* refs/:ref* trees/:sha*"),
    ("", "dependency-graph/compare/:basehead* releases/tags/:tag* rules/branches/:branch*"),
)

OURS: Rows = (
    *_below("repos/:owner/:repo", _OUR_REPOSITORY),
    ("", "orgs/:org/projects user/projects users/:username/projects teams/:team_id/projects"),
    ("orgs/:org/teams/:team_slug", "projects projects/:project_id"),
    ("projects/:project_id", "columns collaborators collaborators/:username"),
    ("projects/:project_id/collaborators/:username", "permission"),
    ("projects/columns/:column_id", "cards moves"),
    ("projects/columns/cards/:card_id", "moves"),
    ("projects", ":project_id columns/:column_id columns/cards/:card_id"),
    ("login", "oauth/authorize oauth/access_token device device/code"),
)
"""Only what is written out is a label."""

MIRRORS: tuple[tuple[str, str], ...] = (
    ("/repos/:/:", "/repositories/:repoId"),
    ("/orgs/:/teams/:", "/organizations/:orgId/team/:teamId"),
    ("/orgs/:", "/organizations/:orgId"),
    ("/users/:", "/user/:id"),
)
"""GitHub's names by number, as in `Link` and `Location`: the same paths, another beginning."""
