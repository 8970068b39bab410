"""What exists: accounts, repositories, issues and what hangs on them.

Plain records; who may see them is the credential's business, how they look in JSON the documents'.
Moments are seconds since the epoch.
"""

import msgspec

from ghproxy.simulator.world.git import GitStore


class Account(msgspec.Struct):
    """A user or an organisation."""

    id: int
    login: str
    name: str
    created_at: float
    is_organization: bool = False
    is_public_member: bool = False


class Label(msgspec.Struct):
    id: int
    name: str
    color: str
    description: str | None = None


class Comment(msgspec.Struct):
    id: int
    author: Account
    text: str
    created_at: float
    updated_at: float


class Pull(msgspec.Struct):
    """What makes an issue a pull request."""

    id: int
    branch: str
    head_sha: str
    base_sha: str
    merged_at: float | None = None


class Issue(msgspec.Struct):
    """An issue, or a pull request where `pull` is there: they share their numbers."""

    id: int
    number: int
    title: str
    text: str | None
    author: Account
    created_at: float
    updated_at: float
    closed_at: float | None = None
    labels: list[Label] = msgspec.field(default_factory=list)
    assignees: list[Account] = msgspec.field(default_factory=list)
    comments: list[Comment] = msgspec.field(default_factory=list)
    pull: Pull | None = None

    @property
    def state(self) -> str:
        return "open" if self.closed_at is None else "closed"


class Repository(msgspec.Struct):
    """A repository; `version` grows with every change of anything inside."""

    id: int
    name: str
    owner: Account
    is_private: bool
    description: str | None
    created_at: float
    updated_at: float
    pushed_at: float
    git: GitStore
    default_branch: str = "main"
    language: str | None = "Python"
    topics: list[str] = msgspec.field(default_factory=list)
    labels: dict[str, Label] = msgspec.field(default_factory=dict)
    issues: dict[int, Issue] = msgspec.field(default_factory=dict)
    version: int = 0

    @property
    def full_name(self) -> str:
        return f"{self.owner.login}/{self.name}"

    @property
    def open_issues(self) -> int:
        return sum(issue.closed_at is None for issue in self.issues.values())

    @property
    def next_number(self) -> int:
        return max(self.issues, default=0) + 1


class App(msgspec.Struct):
    """A GitHub App."""

    id: int
    client_id: str
    slug: str
    name: str
    owner: Account
    created_at: float
    permissions: dict[str, str]


class Installation(msgspec.Struct):
    """An App on an account; `repository_ids` is None where it was given all repositories."""

    id: int
    app: App
    account: Account
    created_at: float
    permissions: dict[str, str]
    repository_ids: frozenset[int] | None = None
