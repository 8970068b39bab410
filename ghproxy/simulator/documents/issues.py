"""Issues, their labels and comments, and pull requests."""

from ghproxy.simulator.clock import iso
from ghproxy.simulator.credentials import Credential
from ghproxy.simulator.documents import Document
from ghproxy.simulator.documents.accounts import HTML, node_id, simple_user
from ghproxy.simulator.documents.repositories import repository_item
from ghproxy.simulator.world.entities import Account, Comment, Issue, Label, Pull, Repository


def label(value: Label, repository: Repository, base: str) -> Document:
    return {
        "id": value.id,
        "node_id": node_id("LA", value.id),
        "url": f"{base}/repos/{repository.full_name}/labels/{value.name.replace(' ', '%20')}",
        "name": value.name,
        "color": value.color,
        "default": value.color != "15dd18",
        "description": value.description,
        "archived_at": None,
        "archived_by": None,
    }


def issue(value: Issue, repository: Repository, base: str) -> Document:
    url = f"{base}/repos/{repository.full_name}/issues/{value.number}"
    kind = "pull" if value.pull is not None else "issues"
    assignees = [simple_user(each, base) for each in value.assignees]
    document: Document = {
        "url": url,
        "repository_url": f"{base}/repos/{repository.full_name}",
        "labels_url": f"{url}/labels{{/name}}",
        "comments_url": f"{url}/comments",
        "events_url": f"{url}/events",
        "html_url": f"{HTML}/{repository.full_name}/{kind}/{value.number}",
        "id": value.id,
        "node_id": node_id("PR" if value.pull is not None else "I", value.id),
        "number": value.number,
        "title": value.title,
        "user": simple_user(value.author, base),
        "labels": [label(each, repository, base) for each in value.labels],
        "state": value.state,
        "locked": False,
        "assignee": assignees[0] if assignees else None,
        "assignees": assignees,
        "milestone": None,
        "comments": len(value.comments),
        "created_at": iso(value.created_at),
        "updated_at": iso(value.updated_at),
        "closed_at": None if value.closed_at is None else iso(value.closed_at),
        "author_association": association(value.author, repository),
        "active_lock_reason": None,
        "body": value.text,
        "reactions": reactions(url),
        "timeline_url": f"{url}/timeline",
        "performed_via_github_app": None,
        "state_reason": None if value.closed_at is None else "completed",
    }
    if value.pull is not None:
        document["draft"] = False
        document["pull_request"] = _pull_link(value, value.pull, repository, base)
    return document


def comment(value: Comment, issue_number: int, repository: Repository, base: str) -> Document:
    url = f"{base}/repos/{repository.full_name}/issues/comments/{value.id}"
    page = f"{HTML}/{repository.full_name}/issues/{issue_number}#issuecomment-{value.id}"
    return {
        "url": url,
        "html_url": page,
        "issue_url": f"{base}/repos/{repository.full_name}/issues/{issue_number}",
        "id": value.id,
        "node_id": node_id("IC", value.id),
        "user": simple_user(value.author, base),
        "created_at": iso(value.created_at),
        "updated_at": iso(value.updated_at),
        "body": value.text,
        "author_association": association(value.author, repository),
        "reactions": reactions(url),
        "performed_via_github_app": None,
    }


def reactions(url: str) -> Document:
    return {
        "url": f"{url}/reactions",
        "total_count": 0,
        "+1": 0,
        "-1": 0,
        "laugh": 0,
        "hooray": 0,
        "confused": 0,
        "heart": 0,
        "rocket": 0,
        "eyes": 0,
    }


def association(author: Account, repository: Repository) -> str:
    return "OWNER" if author is repository.owner else "CONTRIBUTOR"


def pull_item(
    value: Issue, pull: Pull, repository: Repository, base: str, viewer: Credential
) -> Document:
    """A pull request as listed."""
    repo_url = f"{base}/repos/{repository.full_name}"
    url = f"{repo_url}/pulls/{value.number}"
    page = f"{HTML}/{repository.full_name}/pull/{value.number}"
    issue_url = f"{repo_url}/issues/{value.number}"
    return {
        "url": url,
        "id": pull.id,
        "node_id": node_id("PR", pull.id),
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "issue_url": issue_url,
        **{key: each for key, each in issue(value, repository, base).items() if key in _SHARED},
        "closed_at": None if value.closed_at is None else iso(value.closed_at),
        "merged_at": None if pull.merged_at is None else iso(pull.merged_at),
        "merge_commit_sha": pull.head_sha,
        "requested_reviewers": [],
        "requested_teams": [],
        "draft": False,
        "commits_url": f"{url}/commits",
        "review_comments_url": f"{url}/comments",
        "review_comment_url": f"{repo_url}/pulls/comments{{/number}}",
        "comments_url": f"{issue_url}/comments",
        "statuses_url": f"{repo_url}/statuses/{pull.head_sha}",
        "head": _side(pull.branch, pull.head_sha, repository, base, viewer),
        "base": _side(repository.default_branch, pull.base_sha, repository, base, viewer),
        "_links": {
            "self": {"href": url},
            "html": {"href": page},
            "issue": {"href": issue_url},
            "comments": {"href": f"{issue_url}/comments"},
            "review_comments": {"href": f"{url}/comments"},
            "review_comment": {"href": f"{repo_url}/pulls/comments{{/number}}"},
            "commits": {"href": f"{url}/commits"},
            "statuses": {"href": f"{repo_url}/statuses/{pull.head_sha}"},
        },
        "auto_merge": None,
    }


def pull_request(
    value: Issue, pull: Pull, repository: Repository, base: str, viewer: Credential
) -> Document:
    """A pull request by itself."""
    merged = pull.merged_at is not None
    return pull_item(value, pull, repository, base, viewer) | {
        "merged": merged,
        "mergeable": None if merged else True,
        "rebaseable": None if merged else True,
        "mergeable_state": "unknown" if merged else "clean",
        "merged_by": None,
        "comments": len(value.comments),
        "review_comments": 0,
        "maintainer_can_modify": False,
        "commits": 1,
        "additions": 5,
        "deletions": 0,
        "changed_files": 2,
    }


_SHARED = (
    "number", "state", "locked", "title", "user", "body", "created_at", "updated_at", "assignee",
    "assignees", "labels", "milestone", "author_association", "active_lock_reason",
)  # fmt: skip


def _side(branch: str, sha: str, repository: Repository, base: str, viewer: Credential) -> Document:
    return {
        "label": f"{repository.owner.login}:{branch}",
        "ref": branch,
        "sha": sha,
        "user": simple_user(repository.owner, base),
        "repo": repository_item(repository, base, viewer),
    }


def _pull_link(value: Issue, pull: Pull, repository: Repository, base: str) -> Document:
    page = f"{HTML}/{repository.full_name}/pull/{value.number}"
    return {
        "url": f"{base}/repos/{repository.full_name}/pulls/{value.number}",
        "html_url": page,
        "diff_url": f"{page}.diff",
        "patch_url": f"{page}.patch",
        "merged_at": None if pull.merged_at is None else iso(pull.merged_at),
    }
