"""Changes that the control port makes behind the clients' backs, as values and as deeds."""

import msgspec

from ghproxy.simulator.world.entities import Account, Comment, Issue, Repository
from ghproxy.simulator.world.world import World


class OrderError(Exception):
    """An order that cannot be carried out; the text is for whoever gave it."""


class LimitOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """`identity` as `GET /limits` and `GET /credentials` show it."""

    identity: str
    resource: str = "core"
    limit: int | None = None
    used: int | None = None


class ClockOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Freeze at `now`, or move on by seconds; neither gives the machine's time back."""

    now: float | None = None
    advance_seconds: float | None = None


class RenameOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    repository: str
    name: str


class WorldOrder(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """What to change of one repository, or of one of its issues where `issue` is its number.

    `add_issues` and `add_comments` make so many new ones; `private` changes who may see it.
    """

    repository: str
    issue: int | None = None
    title: str | None = None
    body: str | None = None
    state: str | None = None
    description: str | None = None
    private: bool | None = None
    add_issues: int = 0
    add_comments: int = 0


def change_world(world: World, order: WorldOrder, now: float) -> dict[str, object]:
    """Carry it out; what is there afterwards."""
    repository = _repository(world, order.repository)
    if order.description is not None:
        repository.description = order.description
        repository.updated_at = now
    if order.private is not None:
        repository.is_private = order.private
    for _ in range(order.add_issues):
        number = repository.next_number
        repository.issues[number] = Issue(
            world.next_id(), number, f"Issue {number}", None, _author(world), now, now
        )
    world.touch(repository)
    if order.issue is not None:
        _change_issue(world, repository, order, now)
    return {
        "repository": repository.full_name,
        "issues": len(repository.issues),
        "version": repository.version,
    }


def _change_issue(world: World, repository: Repository, order: WorldOrder, now: float) -> None:
    issue = repository.issues.get(order.issue or 0)
    if issue is None:
        raise OrderError(f"{repository.full_name} has no issue {order.issue}.")
    if order.title is not None:
        issue.title = order.title
    if order.body is not None:
        issue.text = order.body
    if order.state is not None:
        if order.state not in {"open", "closed"}:
            raise OrderError("state is open or closed.")
        issue.closed_at = now if order.state == "closed" else None
    for _ in range(order.add_comments):
        author = _author(world)
        issue.comments.append(Comment(world.next_id(), author, "One more.", now, now))
    world.touch_issue(repository, issue, now)


def rename(world: World, order: RenameOrder, now: float) -> dict[str, object]:
    """Give a repository another name; the old one redirects."""
    repository = _repository(world, order.repository)
    if world.repository(f"{repository.owner.login}/{order.name}") is not None:
        raise OrderError(f"There is a repository of the name {order.name} already.")
    former = repository.full_name
    world.rename(repository, order.name, now)
    return {"former": former, "repository": repository.full_name, "id": repository.id}


def _repository(world: World, name: str) -> Repository:
    repository = world.repository(name)
    if repository is None:
        raise OrderError(f"There is no repository {name}.")
    return repository


def _author(world: World) -> Account:
    return world.members[0]
