"""Refs, commits, branches, trees, contents; diffs and patches as text."""

import base64
import difflib
from email.utils import formatdate

import msgspec

from ghproxy.simulator.clock import iso
from ghproxy.simulator.documents import Document
from ghproxy.simulator.documents.accounts import HTML, node_id, simple_user
from ghproxy.simulator.world.entities import Account, Repository
from ghproxy.simulator.world.git import Commit, GitStore, TreeEntry

_VERIFICATION: Document = {
    "verified": False,
    "reason": "unsigned",
    "signature": None,
    "payload": None,
    "verified_at": None,
}


def ref(name: str, sha: str, repository: Repository, base: str) -> Document:
    url = f"{base}/repos/{repository.full_name}/git"
    return {
        "ref": f"refs/{name}",
        "node_id": node_id("REF", repository.id) + base64.urlsafe_b64encode(name.encode()).decode(),
        "url": f"{url}/refs/{name}",
        "object": {"sha": sha, "type": "commit", "url": f"{url}/commits/{sha}"},
    }


def _signature(commit: Commit) -> Document:
    return {"name": commit.author_name, "email": commit.author_email, "date": iso(commit.at)}


def git_commit(commit: Commit, repository: Repository, base: str) -> Document:
    url = f"{base}/repos/{repository.full_name}/git"
    page = f"{HTML}/{repository.full_name}/commit"
    return {
        "sha": commit.sha,
        "node_id": node_id("C", repository.id) + commit.sha[:8],
        "url": f"{url}/commits/{commit.sha}",
        "html_url": f"{page}/{commit.sha}",
        "author": _signature(commit),
        "committer": _signature(commit),
        "tree": {"sha": commit.tree, "url": f"{url}/trees/{commit.tree}"},
        "message": commit.message,
        "parents": [
            {"sha": sha, "url": f"{url}/commits/{sha}", "html_url": f"{page}/{sha}"}
            for sha in commit.parents
        ],
        "verification": _VERIFICATION,
    }


def commit_item(
    commit: Commit, author: Account | None, repository: Repository, base: str
) -> Document:
    """A commit as the repository lists it; `author` is whose e-mail address it bears."""
    url = f"{base}/repos/{repository.full_name}"
    page = f"{HTML}/{repository.full_name}/commit"
    user = None if author is None else simple_user(author, base)
    return {
        "sha": commit.sha,
        "node_id": node_id("C", repository.id) + commit.sha[:8],
        "commit": {
            "author": _signature(commit),
            "committer": _signature(commit),
            "message": commit.message,
            "tree": {"sha": commit.tree, "url": f"{url}/git/trees/{commit.tree}"},
            "url": f"{url}/git/commits/{commit.sha}",
            "comment_count": 0,
            "verification": _VERIFICATION,
        },
        "url": f"{url}/commits/{commit.sha}",
        "html_url": f"{page}/{commit.sha}",
        "comments_url": f"{url}/commits/{commit.sha}/comments",
        "author": user,
        "committer": user,
        "parents": [
            {"sha": sha, "url": f"{url}/commits/{sha}", "html_url": f"{page}/{sha}"}
            for sha in commit.parents
        ],
    }


def full_commit(
    commit: Commit, author: Account | None, repository: Repository, base: str
) -> Document:
    before = commit.parents[0] if commit.parents else None
    files = changed_files(before, commit.sha, repository, base)
    additions = sum(_number(each["additions"]) for each in files)
    deletions = sum(_number(each["deletions"]) for each in files)
    return commit_item(commit, author, repository, base) | {
        "stats": {
            "total": additions + deletions,
            "additions": additions,
            "deletions": deletions,
        },
        "files": files,
    }


def _number(value: object) -> int:
    return value if isinstance(value, int) else 0


def tree(sha: str, entries: tuple[TreeEntry, ...], repository: Repository, base: str) -> Document:
    url = f"{base}/repos/{repository.full_name}/git"
    listed: list[Document] = []
    for entry in entries:
        item: Document = {
            "path": entry.name,
            "mode": entry.mode,
            "type": entry.kind,
            "sha": entry.sha,
        }
        if entry.kind == "blob":
            item["size"] = len(repository.git.blobs[entry.sha])
        listed.append(item | {"url": f"{url}/{entry.kind}s/{entry.sha}"})
    return {"sha": sha, "url": f"{url}/trees/{sha}", "tree": listed, "truncated": False}


class Place(msgspec.Struct, frozen=True):
    """Where a file or folder was looked for: a repository, a ref, an API's address."""

    repository: Repository
    ref: str
    base: str


def content_item(path: str, sha: str, size: int | None, place: Place) -> Document:
    """A file as the contents API shows it; a folder where there is no size."""
    repository, ref_name = place.repository, place.ref
    kind = "dir" if size is None else "file"
    url = f"{place.base}/repos/{repository.full_name}"
    self_url = f"{url}/contents/{path}?ref={ref_name}"
    word = "tree" if kind == "dir" else "blob"
    page = f"{HTML}/{repository.full_name}/{word}/{ref_name}/{path}"
    git_url = f"{url}/git/{word}s/{sha}"
    raw = f"https://raw.githubusercontent.com/{repository.full_name}/{ref_name}/{path}"
    return {
        "name": path.rpartition("/")[2],
        "path": path,
        "sha": sha,
        "size": size or 0,
        "url": self_url,
        "html_url": page,
        "git_url": git_url,
        "download_url": raw if kind == "file" else None,
        "type": kind,
        "_links": {"self": self_url, "git": git_url, "html": page},
    }


def base64_lines(content: bytes) -> str:
    """Base 64 as GitHub wraps it: 60 characters a line, a newline at the end."""
    text = base64.b64encode(content).decode("ascii")
    return "".join(f"{text[start : start + 60]}\n" for start in range(0, len(text), 60))


def _file_changes(git: GitStore, before: str | None, after: str) -> list[tuple[str, str, str]]:
    """(path, old blob or '', new blob or '') of every file that differs."""
    old = git.files(git.commits[before].tree) if before is not None else {}
    new = git.files(git.commits[after].tree)
    return [
        (path, old.get(path, ""), new.get(path, ""))
        for path in sorted(old.keys() | new.keys())
        if old.get(path) != new.get(path)
    ]


def _hunks(git: GitStore, old: str, new: str) -> str:
    before = git.blobs.get(old, b"").decode().splitlines()
    after = git.blobs.get(new, b"").decode().splitlines()
    lines = list(difflib.unified_diff(before, after, lineterm=""))[2:]
    return "\n".join(lines)


def changed_files(
    before: str | None, after: str, repository: Repository, base: str
) -> list[Document]:
    """Files as commits and pull requests list them."""
    git = repository.git
    files: list[Document] = []
    for path, old, new in _file_changes(git, before, after):
        hunks = _hunks(git, old, new)
        lines = hunks.splitlines()
        added = sum(line.startswith("+") for line in lines)
        removed = sum(line.startswith("-") for line in lines)
        page = f"{HTML}/{repository.full_name}"
        files.append(
            {
                "sha": new or old,
                "filename": path,
                "status": "added" if not old else "removed" if not new else "modified",
                "additions": added,
                "deletions": removed,
                "changes": added + removed,
                "blob_url": f"{page}/blob/{after}/{path}",
                "raw_url": f"{page}/raw/{after}/{path}",
                "contents_url": f"{base}/repos/{repository.full_name}/contents/{path}?ref={after}",
                "patch": hunks,
            }
        )
    return files


def diff(git: GitStore, before: str | None, after: str) -> str:
    """`git diff` between two commits."""
    parts: list[str] = []
    for path, old, new in _file_changes(git, before, after):
        parts.append(f"diff --git a/{path} b/{path}")
        if not old:
            parts.append("new file mode 100644")
        parts.append(
            f"index {old[:7] or '0000000'}..{new[:7] or '0000000'}" + " 100644" * bool(old)
        )
        hunks = _hunks(git, old, new)
        if hunks:
            parts += [f"--- a/{path}" if old else "--- /dev/null", f"+++ b/{path}", hunks]
    return "\n".join([*parts, ""])


def patch(git: GitStore, before: str | None, commit: Commit) -> str:
    """`git format-patch` of one commit."""
    return (
        f"From {commit.sha} Mon Sep 17 00:00:00 2001\n"
        f"From: {commit.author_name} <{commit.author_email}>\n"
        f"Date: {formatdate(commit.at)}\n"
        f"Subject: [PATCH] {commit.message}\n\n---\n\n{diff(git, before, commit.sha)}"
        "-- \n2.43.0\n\n"
    )
