"""Labels of a repository and of an issue."""

from ghproxy.simulator.documents import issues as documents
from ghproxy.simulator.endpoints.issues import found_issue
from ghproxy.simulator.endpoints.lists import listed
from ghproxy.simulator.errors import Refusal, invalid, not_found
from ghproxy.simulator.reply import Call, Reply
from ghproxy.simulator.routes import Operation
from ghproxy.simulator.world.entities import Issue, Label, Repository


def labels(call: Call) -> Reply:
    found = call.repository()
    return listed(
        call,
        list(found.labels.values()),
        lambda each: documents.label(each, found, call.base),
        f"/repositories/{found.id}/labels",
        found,
    )


def _found_label(call: Call, repository: Repository) -> Label:
    name = call.params["name"].lower()
    for label in repository.labels.values():
        if label.name.lower() == name:
            return label
    raise not_found()


def label(call: Call) -> Reply:
    found = call.repository()
    return Reply(value=documents.label(_found_label(call, found), found, call.base), scope=found)


def create_label(call: Call) -> Reply:
    found = call.writable("issues")
    content = call.content(dict[str, object])
    name = content.get("name")
    if not isinstance(name, str) or not name:
        raise invalid("Label", "name")
    if name.lower() in {each.lower() for each in found.labels}:
        raise invalid("Label", "name", "already_exists")
    label = _new_label(call, found, name)
    color, description = content.get("color"), content.get("description")
    label.color = color if isinstance(color, str) else label.color
    label.description = description if isinstance(description, str) else None
    call.world.touch(found)
    document = documents.label(label, found, call.base)
    return Reply(status=201, value=document, location=str(document["url"]))


def _new_label(call: Call, repository: Repository, name: str) -> Label:
    label = Label(call.world.next_id(), name, "ededed")
    repository.labels[name] = label
    return label


def edit_label(call: Call) -> Reply:
    found = call.writable("issues")
    label = _found_label(call, found)
    content = call.content(dict[str, object])
    name, color = content.get("new_name"), content.get("color")
    if isinstance(name, str) and name:
        del found.labels[label.name]
        label.name = name
        found.labels[name] = label
    if isinstance(color, str):
        label.color = color
    if "description" in content:
        text = content["description"]
        label.description = text if isinstance(text, str) else None
    call.world.touch(found)
    return Reply(value=documents.label(label, found, call.base))


def delete_label(call: Call) -> Reply:
    found = call.writable("issues")
    label = _found_label(call, found)
    del found.labels[label.name]
    for issue in found.issues.values():
        if label in issue.labels:
            issue.labels.remove(label)
    call.world.touch(found)
    return Reply(status=204)


def issue_labels(call: Call) -> Reply:
    found = call.repository()
    issue = found_issue(call, found)
    return listed(
        call,
        issue.labels,
        lambda each: documents.label(each, found, call.base),
        f"/repositories/{found.id}/issues/{issue.number}/labels",
        found,
    )


def _names(call: Call) -> list[str]:
    """The names in `{"labels": [...]}` or a bare list."""
    content: object = call.content(object)
    names = content.get("labels") if isinstance(content, dict) else content
    if not isinstance(names, list) or not all(isinstance(name, str) for name in names):
        raise invalid("Label", "labels", "invalid")
    return [str(name) for name in names]


def add_labels(call: Call) -> Reply:
    found = call.writable("issues")
    issue = found_issue(call, found)
    return _labelled(call, found, issue, [each.name for each in issue.labels] + _names(call))


def set_labels(call: Call) -> Reply:
    found = call.writable("issues")
    return _labelled(call, found, found_issue(call, found), _names(call))


def remove_label(call: Call) -> Reply:
    found = call.writable("issues")
    issue = found_issue(call, found)
    name = call.params["name"]
    kept = [each.name for each in issue.labels if each.name != name]
    if len(kept) == len(issue.labels):
        raise Refusal(404, "Label does not exist")
    return _labelled(call, found, issue, kept)


def remove_labels(call: Call) -> Reply:
    found = call.writable("issues")
    _labelled(call, found, found_issue(call, found), [])
    return Reply(status=204)


def _labelled(call: Call, found: Repository, issue: Issue, names: list[str]) -> Reply:
    """Give the issue exactly these; a label that is not there yet is made, as GitHub does."""
    chosen = {name: found.labels.get(name) or _new_label(call, found, name) for name in names}
    issue.labels = list(chosen.values())
    call.world.touch_issue(found, issue, call.now)
    return Reply(value=[documents.label(each, found, call.base) for each in issue.labels])


_LABELS = "/repos/:owner/:repo/labels"
_OF_ISSUE = "/repos/:owner/:repo/issues/:number/labels"
OPERATIONS = (
    Operation(
        method="GET", template=_LABELS, handler=labels, scopes="repo",
        docs="issues/labels#list-labels-for-a-repository", permissions="issues=read",
    ),
    Operation(
        method="POST", template=_LABELS, handler=create_label,
        docs="issues/labels#create-a-label", permissions="issues=write",
    ),
    Operation(
        method="GET", template=f"{_LABELS}/:name", handler=label,
        docs="issues/labels#get-a-label", permissions="issues=read",
    ),
    Operation(
        method="PATCH", template=f"{_LABELS}/:name", handler=edit_label,
        docs="issues/labels#update-a-label", permissions="issues=write",
    ),
    Operation(
        method="DELETE", template=f"{_LABELS}/:name", handler=delete_label,
        docs="issues/labels#delete-a-label", permissions="issues=write",
    ),
    Operation(
        method="GET", template=_OF_ISSUE, handler=issue_labels,
        docs="issues/labels#list-labels-for-an-issue", permissions="issues=read",
    ),
    Operation(
        method="POST", template=_OF_ISSUE, handler=add_labels,
        docs="issues/labels#add-labels-to-an-issue", permissions="issues=write",
    ),
    Operation(
        method="PUT", template=_OF_ISSUE, handler=set_labels,
        docs="issues/labels#set-labels-for-an-issue", permissions="issues=write",
    ),
    Operation(
        method="DELETE", template=_OF_ISSUE, handler=remove_labels,
        docs="issues/labels#remove-all-labels-from-an-issue", permissions="issues=write",
    ),
    Operation(
        method="DELETE", template=f"{_OF_ISSUE}/:name", handler=remove_label,
        docs="issues/labels#remove-a-label-from-an-issue", permissions="issues=write",
    ),
)  # fmt: skip
