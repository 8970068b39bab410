"""The contents API: JSON and raw share their entity tag, the git name of what is shown.

`generated/<bytes>` is a file of that many bytes, up to GitHub's 100 MB: JSON with content up to
1 MB, without up to 100 MB, raw up to 100 MB (github-api.md 5).
"""

from ghproxy.simulator.documents import git as documents
from ghproxy.simulator.endpoints.repositories import resolved
from ghproxy.simulator.errors import Refusal, not_found
from ghproxy.simulator.reply import Call, Reply
from ghproxy.simulator.routes import Operation
from ghproxy.simulator.world.git import GENERATED_FOLDER, Commit, generated_bytes

_JSON_LIMIT_BYTES = 1024 * 1024
_RAW_LIMIT_BYTES = 100 * 1024 * 1024
_RAW_TYPE = b"application/vnd.github.raw; charset=utf-8"


def contents(call: Call) -> Reply:
    found = call.repository()
    path = call.params.get("path", "").strip("/")
    if not found.git.refs:
        raise Refusal(404, "This repository is empty.")
    place = documents.Place(found, call.query.get("ref", found.default_branch), call.base)
    commit = found.git.resolve(place.ref)
    if commit is None:
        raise Refusal(404, f"No commit found for the ref {place.ref}")
    folder, _, name = path.partition("/")
    if folder == GENERATED_FOLDER and name.isdigit():
        return _generated(call, path, int(name), place, commit)
    entry = found.git.entry(commit.tree, path)
    if entry is None:
        raise not_found()
    changed_at = found.git.changed_at(commit, path)
    if entry.kind == "tree":
        return _folder(path, entry.sha, place, changed_at)
    content = found.git.blobs[entry.sha]
    if call.media.param == "raw":
        return Reply(
            text=content, content_type=_RAW_TYPE, git_sha=entry.sha, scope=found,
            last_modified=changed_at,
        )  # fmt: skip
    item = documents.content_item(path, entry.sha, len(content), place)
    return Reply(
        value=_with_content(item, content), git_sha=entry.sha, scope=found,
        last_modified=changed_at,
    )  # fmt: skip


def _with_content(item: dict[str, object], content: bytes | None) -> dict[str, object]:
    """The item with its content before its links; None where it is too large to show."""
    links = item.pop("_links")
    if content is None:
        return item | {"content": "", "encoding": "none", "_links": links}
    text = documents.base64_lines(content)
    return item | {"content": text, "encoding": "base64", "_links": links}


def _folder(path: str, sha: str, place: documents.Place, changed_at: float) -> Reply:
    git = place.repository.git
    items = [
        documents.content_item(
            f"{path}/{entry.name}".lstrip("/"),
            entry.sha,
            None if entry.kind == "tree" else len(git.blobs[entry.sha]),
            place,
        )
        for entry in git.trees[sha]
    ]
    return Reply(value=items, git_sha=sha, scope=place.repository, last_modified=changed_at)


def _generated(call: Call, path: str, size: int, place: documents.Place, commit: Commit) -> Reply:
    if size > _RAW_LIMIT_BYTES:
        raise Refusal(
            403,
            "This API returns blobs up to 100 MB in size. The requested blob is too large to "
            "fetch via the API, but you can always clone the repository via Git in order to "
            "obtain it.",
            errors=[{"resource": "Blob", "field": "data", "code": "too_large"}],
        )
    found = place.repository
    sha = found.git.generated_blob(size)
    if call.media.param == "raw":
        return Reply(
            stream=generated_bytes(size), stream_bytes=size, content_type=_RAW_TYPE, git_sha=sha,
            scope=found, last_modified=commit.at,
        )  # fmt: skip
    item = documents.content_item(path, sha, size, place)
    content = b"".join(generated_bytes(size)) if size <= _JSON_LIMIT_BYTES else None
    return Reply(
        value=_with_content(item, content), git_sha=sha, scope=found, last_modified=commit.at
    )


def readme(call: Call) -> Reply:
    found = call.repository()
    resolved(found, call.query.get("ref", found.default_branch))
    call.params["path"] = "README.md"
    return contents(call)


_DOCS = "repos/contents#get-repository-content"
OPERATIONS = (
    Operation(
        method="GET", template="/repos/:owner/:repo/readme", handler=readme,
        docs="repos/contents#get-a-repository-readme", permissions="contents=read",
    ),
    Operation(
        method="GET", template="/repos/:owner/:repo/contents", handler=contents,
        docs=_DOCS, permissions="contents=read",
    ),
    Operation(
        method="GET", template="/repos/:owner/:repo/contents/", handler=contents,
        docs=_DOCS, permissions="contents=read",
    ),
    Operation(
        method="GET", template="/repos/:owner/:repo/contents/:path*", handler=contents,
        docs=_DOCS, permissions="contents=read",
    ),
)  # fmt: skip
