"""What hangs on a commit: statuses, check runs, comments (none so far) and its pull requests."""

from ghproxy.simulator.documents.issues import pull_item
from ghproxy.simulator.documents.repositories import minimal_repository
from ghproxy.simulator.endpoints.lists import listed
from ghproxy.simulator.endpoints.repositories import resolved
from ghproxy.simulator.errors import Refusal
from ghproxy.simulator.reply import Call, Reply
from ghproxy.simulator.routes import Operation


def combined_status(call: Call) -> Reply:
    found = call.repository()
    commit = resolved(found, call.params["ref"])
    url = f"{call.base}/repos/{found.full_name}/commits/{commit.sha}"
    value: dict[str, object] = {
        "state": "pending",
        "statuses": [],
        "sha": commit.sha,
        "total_count": 0,
        "repository": minimal_repository(found, call.base),
        "commit_url": url,
        "url": f"{url}/status",
    }
    return Reply(value=value, scope=found)


def nothing_yet(call: Call) -> Reply:
    """Statuses and comments: lists that are empty so far."""
    found = call.repository()
    resolved(found, call.params["ref"])
    return Reply(value=[], scope=found)


def check_runs(call: Call) -> Reply:
    found = call.repository()
    resolved(found, call.params["ref"])
    return Reply(value={"total_count": 0, "check_runs": []}, scope=found)


def check_suites(call: Call) -> Reply:
    found = call.repository()
    resolved(found, call.params["ref"])
    return Reply(value={"total_count": 0, "check_suites": []}, scope=found)


def pulls(call: Call) -> Reply:
    """The pull requests that have this commit at their head."""
    found = call.repository()
    commit = resolved(found, call.params["ref"])
    chosen = [
        (issue, issue.pull)
        for issue in found.issues.values()
        if issue.pull is not None and issue.pull.head_sha == commit.sha
    ]
    return listed(
        call,
        chosen,
        lambda pair: pull_item(*pair, found, call.base, call.viewer),
        f"/repositories/{found.id}/commits/{call.params['ref']}/pulls",
        found,
    )


def protection(call: Call) -> Reply:
    """No branch is protected so far."""
    found = call.repository()
    if f"heads/{call.params['branch']}" not in found.git.refs:
        raise Refusal(404, "Branch not found")
    raise Refusal(404, "Branch not protected")


_COMMIT = "/repos/:owner/:repo/commits/:ref*"
OPERATIONS = (
    Operation(
        method="GET", template=f"{_COMMIT}/status", handler=combined_status,
        docs="commits/statuses#get-the-combined-status-for-a-specific-reference",
        permissions="statuses=read", scopes="repo, repo:status",
    ),
    Operation(
        method="GET", template=f"{_COMMIT}/statuses", handler=nothing_yet,
        docs="commits/statuses#list-commit-statuses-for-a-reference",
        permissions="statuses=read", scopes="repo, repo:status",
    ),
    Operation(
        method="GET", template=f"{_COMMIT}/comments", handler=nothing_yet,
        docs="commits/comments#list-commit-comments", permissions="contents=read",
    ),
    Operation(
        method="GET", template=f"{_COMMIT}/check-runs", handler=check_runs,
        docs="checks/runs#list-check-runs-for-a-git-reference", permissions="checks=read",
    ),
    Operation(
        method="GET", template=f"{_COMMIT}/check-suites", handler=check_suites,
        docs="checks/suites#list-check-suites-for-a-git-reference", permissions="checks=read",
    ),
    Operation(
        method="GET", template=f"{_COMMIT}/pulls", handler=pulls,
        docs="commits/commits#list-pull-requests-associated-with-a-commit",
        permissions="pull_requests=read",
    ),
    Operation(
        method="GET", template="/repos/:owner/:repo/branches/:branch*/protection",
        handler=protection, docs="branches/branch-protection#get-branch-protection",
        permissions="administration=read",
    ),
)  # fmt: skip
