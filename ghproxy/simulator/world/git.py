"""Git objects with their real names: SHA-1 over type, size and content.

The contents API's entity tags are these names (github-api.md 3.2), so they are computed, not
invented. Files under `generated/` are endless: their bytes are produced, never held.
"""

import hashlib
from collections.abc import Iterator, Mapping

import msgspec

FILE_MODE = "100644"
TREE_MODE = "040000"
GENERATED_FOLDER = "generated"
_BLOCK = hashlib.shake_256(b"generated content").digest(64 * 1024)


class TreeEntry(msgspec.Struct, frozen=True):
    name: str
    mode: str
    sha: str

    @property
    def kind(self) -> str:
        return "tree" if self.mode == TREE_MODE else "blob"


class Commit(msgspec.Struct, frozen=True):
    sha: str
    tree: str
    parents: tuple[str, ...]
    author_name: str
    author_email: str
    at: float
    message: str


class GitStore(msgspec.Struct):
    """Objects by name and refs (`heads/main`) by their names without `refs/`."""

    blobs: dict[str, bytes] = msgspec.field(default_factory=dict)
    generated: dict[str, int] = msgspec.field(default_factory=dict)
    trees: dict[str, tuple[TreeEntry, ...]] = msgspec.field(default_factory=dict)
    commits: dict[str, Commit] = msgspec.field(default_factory=dict)
    refs: dict[str, str] = msgspec.field(default_factory=dict)

    def write_files(self, files: Mapping[str, bytes]) -> str:
        """Store a whole tree given by paths; its name."""
        entries: dict[str, TreeEntry] = {}
        folders: dict[str, dict[str, bytes]] = {}
        for path, content in files.items():
            name, _, rest = path.partition("/")
            if rest:
                folders.setdefault(name, {})[rest] = content
            else:
                sha = object_name("blob", content)
                self.blobs[sha] = content
                entries[name] = TreeEntry(name, FILE_MODE, sha)
        for name, below in folders.items():
            entries[name] = TreeEntry(name, TREE_MODE, self.write_files(below))
        ordered = tuple(sorted(entries.values(), key=_git_order))
        packed = b"".join(
            b"%s %s\0%s"
            % (entry.mode.lstrip("0").encode(), entry.name.encode(), bytes.fromhex(entry.sha))
            for entry in ordered
        )
        sha = object_name("tree", packed)
        self.trees[sha] = ordered
        return sha

    def write_commit(
        self, tree: str, parents: tuple[str, ...], author: tuple[str, str], at: float, message: str
    ) -> Commit:
        name, email = author
        stamp = f"{name} <{email}> {int(at)} +0000"
        lines = [f"tree {tree}", *(f"parent {parent}" for parent in parents)]
        text = "\n".join([*lines, f"author {stamp}", f"committer {stamp}", "", message])
        sha = object_name("commit", text.encode())
        commit = Commit(sha, tree, parents, name, email, at, message)
        self.commits[sha] = commit
        return commit

    def resolve(self, name: str) -> Commit | None:
        """The commit that a branch, tag, `refs/...` name or (unambiguous) SHA means."""
        short = name.removeprefix("refs/")
        for ref in (short, f"heads/{short}", f"tags/{short}"):
            if ref in self.refs:
                return self.commits[self.refs[ref]]
        if name in self.commits:
            return self.commits[name]
        found = [sha for sha in self.commits if len(name) >= 7 and sha.startswith(name)]
        return self.commits[found[0]] if len(found) == 1 else None

    def history(self, start: Commit) -> list[Commit]:
        """First parents from `start` down to the root."""
        commits = [start]
        while commits[-1].parents:
            commits.append(self.commits[commits[-1].parents[0]])
        return commits

    def entry(self, tree: str, path: str) -> TreeEntry | None:
        """What is at a path below a tree; the tree itself for the empty path."""
        found = TreeEntry("", TREE_MODE, tree)
        for name in filter(None, path.split("/")):
            below = {entry.name: entry for entry in self.trees.get(found.sha, ())}
            if name not in below:
                return None
            found = below[name]
        return found

    def files(self, tree: str, prefix: str = "") -> dict[str, str]:
        """Path -> blob name of every file below a tree."""
        files: dict[str, str] = {}
        for entry in self.trees[tree]:
            if entry.kind == "tree":
                files.update(self.files(entry.sha, f"{prefix}{entry.name}/"))
            else:
                files[prefix + entry.name] = entry.sha
        return files

    def changed_at(self, start: Commit, path: str) -> float:
        """When the last commit that changed `path` was made."""
        at = start.at
        wanted = self.entry(start.tree, path)
        for commit in self.history(start):
            if self.entry(commit.tree, path) != wanted:
                return at
            at = commit.at
        return at

    def generated_blob(self, size: int) -> str:
        """The name of the generated file of that size; remembered, so that it can be asked for."""
        sha = _generated_name(size)
        self.generated[sha] = size
        return sha


def object_name(kind: str, content: bytes) -> str:
    return hashlib.sha1(b"%s %d\0" % (kind.encode(), len(content)) + content).hexdigest()  # noqa: S324  git's own digest


def generated_bytes(size: int) -> Iterator[bytes]:
    """`size` deterministic bytes in blocks; the same prefix for every size."""
    whole, rest = divmod(size, len(_BLOCK))
    for _ in range(whole):
        yield _BLOCK
    if rest:
        yield _BLOCK[:rest]


def _generated_name(size: int) -> str:
    if size not in _generated_names:
        digest = hashlib.sha1(b"blob %d\0" % size)  # noqa: S324  git's own digest
        for block in generated_bytes(size):
            digest.update(block)
        _generated_names[size] = digest.hexdigest()
    return _generated_names[size]


_generated_names: dict[int, str] = {}


def _git_order(entry: TreeEntry) -> str:
    return entry.name + "/" if entry.kind == "tree" else entry.name
