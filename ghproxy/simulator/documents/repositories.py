"""Repositories: as listed, and whole."""

from ghproxy.simulator.clock import iso
from ghproxy.simulator.credentials import Credential
from ghproxy.simulator.documents import Document
from ghproxy.simulator.documents.accounts import HTML, node_id, simple_user
from ghproxy.simulator.world.entities import Repository

_ADDRESSES = {
    "forks_url": "/forks",
    "keys_url": "/keys{/key_id}",
    "collaborators_url": "/collaborators{/collaborator}",
    "teams_url": "/teams",
    "hooks_url": "/hooks",
    "issue_events_url": "/issues/events{/number}",
    "events_url": "/events",
    "assignees_url": "/assignees{/user}",
    "branches_url": "/branches{/branch}",
    "tags_url": "/tags",
    "blobs_url": "/git/blobs{/sha}",
    "git_tags_url": "/git/tags{/sha}",
    "git_refs_url": "/git/refs{/sha}",
    "trees_url": "/git/trees{/sha}",
    "statuses_url": "/statuses/{sha}",
    "languages_url": "/languages",
    "stargazers_url": "/stargazers",
    "contributors_url": "/contributors",
    "subscribers_url": "/subscribers",
    "subscription_url": "/subscription",
    "commits_url": "/commits{/sha}",
    "git_commits_url": "/git/commits{/sha}",
    "comments_url": "/comments{/number}",
    "issue_comment_url": "/issues/comments{/number}",
    "contents_url": "/contents/{+path}",
    "compare_url": "/compare/{base}...{head}",
    "merges_url": "/merges",
    "archive_url": "/{archive_format}{/ref}",
    "downloads_url": "/downloads",
    "issues_url": "/issues{/number}",
    "pulls_url": "/pulls{/number}",
    "milestones_url": "/milestones{/number}",
    "notifications_url": "/notifications{?since,all,participating}",
    "labels_url": "/labels{/name}",
    "releases_url": "/releases{/id}",
    "deployments_url": "/deployments",
}


def minimal_repository(repository: Repository, base: str) -> Document:
    """What other documents embed."""
    name = repository.full_name
    url = f"{base}/repos/{name}"
    return {
        "id": repository.id,
        "node_id": node_id("R", repository.id),
        "name": repository.name,
        "full_name": name,
        "private": repository.is_private,
        "owner": simple_user(repository.owner, base),
        "html_url": f"{HTML}/{name}",
        "description": repository.description,
        "fork": False,
        "url": url,
        **{key: url + path for key, path in _ADDRESSES.items()},
    }


def repository_item(repository: Repository, base: str, viewer: Credential) -> Document:
    """One of a list."""
    name = repository.full_name
    open_issues = repository.open_issues
    document = minimal_repository(repository, base) | {
        "created_at": iso(repository.created_at),
        "updated_at": iso(repository.updated_at),
        "pushed_at": iso(repository.pushed_at),
        "git_url": f"git://github.com/{name}.git",
        "ssh_url": f"git@github.com:{name}.git",
        "clone_url": f"{HTML}/{name}.git",
        "svn_url": f"{HTML}/{name}",
        "homepage": None,
        "size": 12,
        "stargazers_count": 0,
        "watchers_count": 0,
        "language": repository.language,
        "has_issues": True,
        "has_projects": True,
        "has_downloads": True,
        "has_wiki": True,
        "has_pages": False,
        "has_discussions": False,
        "forks_count": 0,
        "mirror_url": None,
        "archived": False,
        "disabled": False,
        "open_issues_count": open_issues,
        "license": None,
        "allow_forking": True,
        "is_template": False,
        "web_commit_signoff_required": False,
        "topics": repository.topics,
        "visibility": "private" if repository.is_private else "public",
        "forks": 0,
        "open_issues": open_issues,
        "watchers": 0,
        "default_branch": repository.default_branch,
    }
    if not viewer.is_anonymous:
        document["permissions"] = _permissions(repository, viewer)
    return document


def full_repository(repository: Repository, base: str, viewer: Credential) -> Document:
    return repository_item(repository, base, viewer) | {
        "temp_clone_token": None,
        "custom_properties": {},
        "organization": simple_user(repository.owner, base),
        "network_count": 0,
        "subscribers_count": 0,
    }


def _permissions(repository: Repository, viewer: Credential) -> Document:
    pushes = viewer.may_write(repository, "contents")
    return {
        "admin": False,
        "maintain": False,
        "push": pushes,
        "triage": pushes,
        "pull": True,
    }
