"""Issues and their comments."""

from ghproxy.simulator.documents import issues as documents
from ghproxy.simulator.endpoints.lists import listed
from ghproxy.simulator.errors import invalid, not_found, requires_authentication
from ghproxy.simulator.reply import Call, Reply
from ghproxy.simulator.routes import Operation
from ghproxy.simulator.world.entities import Account, Comment, Issue, Repository


def issues(call: Call) -> Reply:
    found = call.repository()
    state = call.query.get("state", "open")
    labels = [name for name in call.query.get("labels", "").split(",") if name]
    chosen = [
        issue
        for issue in found.issues.values()
        if state in {"all", issue.state}
        and all(any(label.name == name for label in issue.labels) for name in labels)
    ]
    is_rising = call.query.get("direction") == "asc"
    chosen.sort(key=lambda issue: (_order(call, issue), issue.number), reverse=not is_rising)
    return listed(
        call,
        chosen,
        lambda each: documents.issue(each, found, call.base),
        f"/repositories/{found.id}/issues",
        found,
    )


def _order(call: Call, issue: Issue) -> float:
    match call.query.get("sort", "created"):
        case "updated":
            return issue.updated_at
        case "comments":
            return len(issue.comments)
        case _:
            return issue.number


def found_issue(call: Call, repository: Repository) -> Issue:
    """The issue of the path."""
    number = call.params["number"]
    issue = repository.issues.get(int(number)) if number.isdigit() else None
    if issue is None:
        raise not_found()
    return issue


def issue(call: Call) -> Reply:
    found = call.repository()
    value = found_issue(call, found)
    document = documents.issue(value, found, call.base)
    return Reply(value=document | {"closed_by": None}, scope=found, last_modified=value.updated_at)


def _author(call: Call) -> Account:
    """Who writes: the token's user, or the App's bot in the name of its owner."""
    if call.viewer.account is not None:
        return call.viewer.account
    if call.viewer.app is not None:
        return call.viewer.app.owner
    raise requires_authentication()


def _text(content: dict[str, object], field: str, resource: str) -> str:
    value = content.get(field)
    if not isinstance(value, str) or not value:
        raise invalid(resource, field)
    return value


def create_issue(call: Call) -> Reply:
    found = call.repository()
    author = _author(call)
    content = call.content(dict[str, object])
    title = _text(content, "title", "Issue")
    text = content.get("body")
    value = Issue(
        call.world.next_id(),
        found.next_number,
        title,
        text if isinstance(text, str) else None,
        author,
        call.now,
        call.now,
    )
    _set_labels(found, value, content.get("labels"))
    found.issues[value.number] = value
    call.world.touch(found)
    document = documents.issue(value, found, call.base)
    return Reply(status=201, value=document | {"closed_by": None}, location=str(document["url"]))


def edit_issue(call: Call) -> Reply:
    found = call.writable("issues")
    value = found_issue(call, found)
    content = call.content(dict[str, object])
    if "title" in content:
        value.title = _text(content, "title", "Issue")
    if "body" in content:
        text = content["body"]
        value.text = text if isinstance(text, str) else None
    match content.get("state"):
        case "closed":
            value.closed_at = value.closed_at or call.now
        case "open":
            value.closed_at = None
        case None:
            pass
        case _:
            raise invalid("Issue", "state", "invalid")
    if "labels" in content:
        _set_labels(found, value, content["labels"])
    call.world.touch_issue(found, value, call.now)
    document = documents.issue(value, found, call.base)
    return Reply(value=document | {"closed_by": None})


def _set_labels(repository: Repository, value: Issue, names: object) -> None:
    if isinstance(names, list):
        value.labels = [
            repository.labels[name] for name in names if isinstance(name, str) and
            name in repository.labels
        ]  # fmt: skip


def comments(call: Call) -> Reply:
    found = call.repository()
    value = found_issue(call, found)
    return listed(
        call,
        value.comments,
        lambda each: documents.comment(each, value.number, found, call.base),
        f"/repositories/{found.id}/issues/{value.number}/comments",
        found,
    )


def create_comment(call: Call) -> Reply:
    found = call.repository()
    author = _author(call)
    value = found_issue(call, found)
    text = _text(call.content(dict[str, object]), "body", "IssueComment")
    comment = Comment(call.world.next_id(), author, text, call.now, call.now)
    value.comments.append(comment)
    call.world.touch_issue(found, value, call.now)
    document = documents.comment(comment, value.number, found, call.base)
    return Reply(status=201, value=document, location=str(document["url"]))


def all_comments(call: Call) -> Reply:
    found = call.repository()
    pairs = [(issue, each) for issue in found.issues.values() for each in issue.comments]
    return listed(
        call,
        pairs,
        lambda pair: documents.comment(pair[1], pair[0].number, found, call.base),
        f"/repositories/{found.id}/issues/comments",
        found,
    )


def _found_comment(call: Call, repository: Repository) -> tuple[Issue, Comment]:
    for issue in repository.issues.values():
        for each in issue.comments:
            if str(each.id) == call.params["comment"]:
                return issue, each
    raise not_found()


def comment(call: Call) -> Reply:
    found = call.repository()
    issue, value = _found_comment(call, found)
    document = documents.comment(value, issue.number, found, call.base)
    return Reply(value=document, scope=found, last_modified=value.updated_at)


def edit_comment(call: Call) -> Reply:
    found = call.writable("issues")
    issue, value = _found_comment(call, found)
    value.text = _text(call.content(dict[str, object]), "body", "IssueComment")
    value.updated_at = call.now
    call.world.touch(found)
    return Reply(value=documents.comment(value, issue.number, found, call.base))


def delete_comment(call: Call) -> Reply:
    found = call.writable("issues")
    issue, value = _found_comment(call, found)
    issue.comments.remove(value)
    call.world.touch(found)
    return Reply(status=204)


_ISSUES = "/repos/:owner/:repo/issues"
OPERATIONS = (
    Operation(
        method="GET", template=_ISSUES, handler=issues,
        docs="issues/issues#list-repository-issues", scopes="repo", permissions="issues=read",
    ),
    Operation(
        method="POST", template=_ISSUES, handler=create_issue,
        docs="issues/issues#create-an-issue", permissions="issues=write",
    ),
    Operation(
        method="GET", template=f"{_ISSUES}/comments", handler=all_comments,
        docs="issues/comments#list-issue-comments-for-a-repository",
        permissions="issues=read; pull_requests=read",
    ),
    Operation(
        method="GET", template=f"{_ISSUES}/comments/:comment", handler=comment,
        docs="issues/comments#get-an-issue-comment",
        permissions="issues=read; pull_requests=read",
    ),
    Operation(
        method="PATCH", template=f"{_ISSUES}/comments/:comment", handler=edit_comment,
        docs="issues/comments#update-an-issue-comment",
        permissions="issues=write; pull_requests=write",
    ),
    Operation(
        method="DELETE", template=f"{_ISSUES}/comments/:comment", handler=delete_comment,
        docs="issues/comments#delete-an-issue-comment",
        permissions="issues=write; pull_requests=write",
    ),
    Operation(
        method="GET", template=f"{_ISSUES}/:number", handler=issue,
        docs="issues/issues#get-an-issue", scopes="repo", permissions="issues=read",
    ),
    Operation(
        method="PATCH", template=f"{_ISSUES}/:number", handler=edit_issue,
        docs="issues/issues#update-an-issue", permissions="issues=write; pull_requests=write",
    ),
    Operation(
        method="GET", template=f"{_ISSUES}/:number/comments", handler=comments,
        docs="issues/comments#list-issue-comments",
        permissions="issues=read; pull_requests=read",
    ),
    Operation(
        method="POST", template=f"{_ISSUES}/:number/comments", handler=create_comment,
        docs="issues/comments#create-an-issue-comment",
        permissions="issues=write; pull_requests=write",
    ),
)  # fmt: skip
