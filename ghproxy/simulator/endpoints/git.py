"""The git database: refs, commits, trees, blobs.

Blobs that are too large to hold are streamed, without an entity tag: a simplification, since it is
unknown what GitHub does there.
"""

import base64
from collections.abc import Iterator

from ghproxy.simulator.documents import git as documents
from ghproxy.simulator.documents.accounts import node_id
from ghproxy.simulator.endpoints.lists import listed
from ghproxy.simulator.errors import Refusal, invalid, not_found
from ghproxy.simulator.reply import Call, Reply
from ghproxy.simulator.routes import Operation
from ghproxy.simulator.world.git import generated_bytes

_HELD_LIMIT_BYTES = 1024 * 1024
_LINE_BYTES = 45
_RAW_TYPE = b"application/vnd.github.raw; charset=utf-8"


def refs(call: Call) -> Reply:
    found = call.repository()
    if not found.git.refs:
        raise Refusal(409, "Git Repository is empty.")
    prefix = call.params.get("ref", "")
    names = sorted(name for name in found.git.refs if name.startswith(prefix))
    address = f"/repositories/{found.id}/git/matching-refs/{prefix}"
    return listed(
        call,
        names,
        lambda name: documents.ref(name, found.git.refs[name], found, call.base),
        address,
        found,
        last_modified=found.updated_at,
    )


def ref(call: Call) -> Reply:
    found = call.repository()
    name = call.params["ref"]
    sha = found.git.refs.get(name)
    if sha is None:
        raise not_found()
    document = documents.ref(name, sha, found, call.base)
    return Reply(value=document, scope=found, last_modified=found.updated_at)


def create_ref(call: Call) -> Reply:
    found = call.writable("contents")
    content = call.content(dict[str, object])
    full, sha = content.get("ref"), content.get("sha")
    if not isinstance(full, str) or not full.startswith("refs/") or full.count("/") < 2:
        raise invalid("Reference", "ref", "invalid")
    name = full.removeprefix("refs/")
    if name in found.git.refs:
        raise Refusal(422, "Reference already exists")
    if not isinstance(sha, str) or sha not in found.git.commits:
        raise Refusal(422, "Object does not exist")
    return _moved_ref(call, name, sha, status=201)


def update_ref(call: Call) -> Reply:
    found = call.writable("contents")
    name = call.params["ref"]
    sha = call.content(dict[str, object]).get("sha")
    if name not in found.git.refs:
        raise Refusal(422, "Reference does not exist")
    if not isinstance(sha, str) or sha not in found.git.commits:
        raise Refusal(422, "Object does not exist")
    return _moved_ref(call, name, sha, status=200)


def _moved_ref(call: Call, name: str, sha: str, *, status: int) -> Reply:
    found = call.repository()
    found.git.refs[name] = sha
    found.pushed_at = found.updated_at = call.now
    call.world.touch(found)
    document = documents.ref(name, sha, found, call.base)
    location = str(document["url"]) if status == 201 else ""
    return Reply(status=status, value=document, location=location)


def delete_ref(call: Call) -> Reply:
    found = call.writable("contents")
    if found.git.refs.pop(call.params["ref"], None) is None:
        raise Refusal(422, "Reference does not exist")
    found.pushed_at = found.updated_at = call.now
    call.world.touch(found)
    return Reply(status=204)


def git_commit(call: Call) -> Reply:
    found = call.repository()
    commit = found.git.commits.get(call.params["sha"])
    if commit is None:
        raise not_found()
    document = documents.git_commit(commit, found, call.base)
    return Reply(value=document, scope=found, last_modified=commit.at)


def tree(call: Call) -> Reply:
    found = call.repository()
    name = call.params["sha"]
    commit = found.git.resolve(name)
    sha = name if commit is None else commit.tree
    entries = found.git.trees.get(sha)
    if entries is None:
        raise not_found()
    document = documents.tree(sha, entries, found, call.base)
    return Reply(value=document, scope=found, last_modified=found.updated_at)


def blob(call: Call) -> Reply:
    found = call.repository()
    sha = call.params["sha"]
    held = found.git.blobs.get(sha)
    size = len(held) if held is not None else found.git.generated.get(sha)
    if size is None:
        raise not_found()
    if size > _HELD_LIMIT_BYTES:
        return _large_blob(call, sha, size)
    content = held if held is not None else b"".join(generated_bytes(size))
    if call.media.param == "raw":
        return Reply(text=content, content_type=_RAW_TYPE, scope=found)
    document: dict[str, object] = {
        "sha": sha,
        "node_id": node_id("B", found.id) + sha[:8],
        "size": size,
        "url": f"{call.base}/repos/{found.full_name}/git/blobs/{sha}",
        "content": documents.base64_lines(content),
        "encoding": "base64",
    }
    return Reply(value=document, scope=found)


def _large_blob(call: Call, sha: str, size: int) -> Reply:
    if call.media.param == "raw":
        return Reply(stream=generated_bytes(size), stream_bytes=size, content_type=_RAW_TYPE)
    url = f"{call.base}/repos/{call.repository().full_name}/git/blobs/{sha}"
    before = f'{{"sha":"{sha}","size":{size},"url":"{url}","content":"'.encode()
    after = b'","encoding":"base64"}'
    lines = -(-size // _LINE_BYTES)
    length = len(before) + 4 * -(-size // 3) + 2 * lines + len(after)
    return Reply(stream=_streamed(before, size, after), stream_bytes=length)


def _streamed(before: bytes, size: int, after: bytes) -> Iterator[bytes]:
    """JSON around base 64 in lines, a newline in JSON being two characters."""
    yield before
    rest = b""
    for block in generated_bytes(size):
        rest += block
        whole = len(rest) - len(rest) % _LINE_BYTES
        yield _encoded(rest[:whole])
        rest = rest[whole:]
    yield _encoded(rest) + after


def _encoded(content: bytes) -> bytes:
    lines = range(0, len(content), _LINE_BYTES)
    return b"".join(
        base64.b64encode(content[start : start + _LINE_BYTES]) + b"\\n" for start in lines
    )


_GIT = "/repos/:owner/:repo/git"
_A_DAY_SECONDS = 86_400
OPERATIONS = (
    Operation(
        method="GET", template=f"{_GIT}/refs", handler=refs, poll_interval=300,
        docs="git/refs#list-matching-references", permissions="contents=read",
    ),
    Operation(
        method="POST", template=f"{_GIT}/refs", handler=create_ref,
        docs="git/refs#create-a-reference", permissions="contents=write",
    ),
    Operation(
        method="GET", template=f"{_GIT}/matching-refs/:ref*", handler=refs, poll_interval=300,
        docs="git/refs#list-matching-references", permissions="contents=read",
    ),
    Operation(
        method="GET", template=f"{_GIT}/ref/:ref*", handler=ref, poll_interval=300,
        docs="git/refs#get-a-reference", permissions="contents=read",
    ),
    Operation(
        method="GET", template=f"{_GIT}/refs/:ref*", handler=ref, poll_interval=300,
        docs="git/refs#get-a-reference", permissions="contents=read",
    ),
    Operation(
        method="PATCH", template=f"{_GIT}/refs/:ref*", handler=update_ref,
        docs="git/refs#update-a-reference", permissions="contents=write",
    ),
    Operation(
        method="DELETE", template=f"{_GIT}/refs/:ref*", handler=delete_ref,
        docs="git/refs#delete-a-reference", permissions="contents=write",
    ),
    Operation(
        method="GET", template=f"{_GIT}/commits/:sha", handler=git_commit,
        docs="git/commits#get-a-commit-object", permissions="contents=read",
    ),
    Operation(
        method="GET", template=f"{_GIT}/trees/:sha*", handler=tree, max_age=_A_DAY_SECONDS,
        docs="git/trees#get-a-tree", permissions="contents=read",
    ),
    Operation(
        method="GET", template=f"{_GIT}/blobs/:sha", handler=blob, max_age=_A_DAY_SECONDS,
        docs="git/blobs#get-a-blob", permissions="contents=read",
    ),
)  # fmt: skip
