"""Pull requests: as JSON, `.diff` and `.patch` on one address, chosen by Accept."""

from ghproxy.simulator.documents import git as git_documents
from ghproxy.simulator.documents import issues as documents
from ghproxy.simulator.endpoints.issues import found_issue
from ghproxy.simulator.endpoints.lists import listed
from ghproxy.simulator.endpoints.repositories import commit_author
from ghproxy.simulator.errors import not_found
from ghproxy.simulator.reply import Call, Reply
from ghproxy.simulator.routes import Operation
from ghproxy.simulator.world.entities import Issue, Pull, Repository


def pulls(call: Call) -> Reply:
    found = call.repository()
    state = call.query.get("state", "open")
    head = call.query.get("head", "").partition(":")[2]
    chosen = [
        (issue, issue.pull)
        for issue in sorted(found.issues.values(), key=lambda each: -each.number)
        if issue.pull is not None
        and state in {"all", issue.state}
        and (not head or issue.pull.branch == head)
    ]
    return listed(
        call,
        chosen,
        lambda pair: documents.pull_item(*pair, found, call.base, call.viewer),
        f"/repositories/{found.id}/pulls",
        found,
    )


def _found_pull(call: Call, repository: Repository) -> tuple[Issue, Pull]:
    issue = found_issue(call, repository)
    if issue.pull is None:
        raise not_found()
    return issue, issue.pull


def pull(call: Call) -> Reply:
    found = call.repository()
    issue, value = _found_pull(call, found)
    git = found.git
    match call.media.param:
        case "diff":
            text = git_documents.diff(git, value.base_sha, value.head_sha)
            return _text(found, "diff", text)
        case "patch":
            text = git_documents.patch(git, value.base_sha, git.commits[value.head_sha])
            return _text(found, "patch", text)
        case _:
            document = documents.pull_request(issue, value, found, call.base, call.viewer)
            return Reply(value=document, scope=found, last_modified=issue.updated_at)


def _text(found: Repository, kind: str, text: str) -> Reply:
    content_type = f"application/vnd.github.{kind}; charset=utf-8".encode()
    return Reply(text=text.encode(), content_type=content_type, scope=found)


def files(call: Call) -> Reply:
    found = call.repository()
    issue, value = _found_pull(call, found)
    return listed(
        call,
        git_documents.changed_files(value.base_sha, value.head_sha, found, call.base),
        lambda each: each,
        f"/repositories/{found.id}/pulls/{issue.number}/files",
        found,
        last_modified=issue.updated_at,
    )


def commits(call: Call) -> Reply:
    found = call.repository()
    issue, value = _found_pull(call, found)
    return listed(
        call,
        [found.git.commits[value.head_sha]],
        lambda each: git_documents.commit_item(
            each, commit_author(call.world, each), found, call.base
        ),
        f"/repositories/{found.id}/pulls/{issue.number}/commits",
        found,
        last_modified=issue.updated_at,
    )


def nothing_yet(call: Call) -> Reply:
    """Reviews and review comments: lists that are empty so far."""
    found = call.repository()
    _found_pull(call, found)
    return Reply(value=[], scope=found)


_PULLS = "/repos/:owner/:repo/pulls"
OPERATIONS = (
    Operation(
        method="GET", template=_PULLS, handler=pulls,
        docs="pulls/pulls#list-pull-requests", permissions="pull_requests=read",
    ),
    Operation(
        method="GET", template=f"{_PULLS}/:number", handler=pull,
        docs="pulls/pulls#get-a-pull-request", permissions="pull_requests=read",
    ),
    Operation(
        method="GET", template=f"{_PULLS}/:number/files", handler=files,
        docs="pulls/pulls#list-pull-requests-files", permissions="pull_requests=read",
    ),
    Operation(
        method="GET", template=f"{_PULLS}/:number/commits", handler=commits,
        docs="pulls/pulls#list-commits-on-a-pull-request", permissions="pull_requests=read",
    ),
    Operation(
        method="GET", template=f"{_PULLS}/:number/reviews", handler=nothing_yet,
        docs="pulls/reviews#list-reviews-for-a-pull-request", permissions="pull_requests=read",
    ),
    Operation(
        method="GET", template=f"{_PULLS}/:number/comments", handler=nothing_yet,
        docs="pulls/comments#list-review-comments-on-a-pull-request",
        permissions="pull_requests=read",
    ),
)  # fmt: skip
