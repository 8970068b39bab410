"""The default world, the same for the same seed: organisation `acme`, 40 repositories, an App.

Fixed by name, so that tests can rely on them: `acme/anvil` (public, 250 issues and pull requests,
once called `acme/old-anvil`), `acme/glue` (public, exactly 60 issues: two full pages),
`acme/empty` (public, nothing in it), `acme/jet-skates` (private, as every fourth after it).
"""

from random import Random

from ghproxy.simulator.world import words
from ghproxy.simulator.world.entities import (
    Account,
    App,
    Comment,
    Installation,
    Issue,
    Label,
    Pull,
    Repository,
)
from ghproxy.simulator.world.git import GitStore
from ghproxy.simulator.world.world import World

START = 1_767_600_000  # 2026-01-05T08:00:00Z
_DAY = 86_400
_ISSUES = {"anvil": 250, "glue": 60, "empty": 0}
_PERMISSIONS = {
    "checks": "write",
    "contents": "write",
    "issues": "write",
    "members": "read",
    "metadata": "read",
    "pull_requests": "write",
    "statuses": "write",
}


def seeded_world(seed: int) -> World:
    """A fresh world."""
    builder = _Builder(seed)
    return builder.world


class _Builder:
    """Fills a world; identifiers and texts come from the seed."""

    def __init__(self, seed: int) -> None:
        self._random = Random(seed)  # noqa: S311  a world, not a secret
        self._next_id = 10_000_000 + self._random.randrange(1_000_000)
        self.world = World(seed)
        self._people()
        for index, name in enumerate(words.REPOSITORIES):
            self._repository(name, is_private=index % 4 == 2)
        self.world.rename_alias("acme/old-anvil", "acme/anvil")
        self._app()

    def _id(self) -> int:
        self._next_id += self._random.randrange(1, 50)
        return self._next_id

    def _people(self) -> None:
        world = self.world
        org = Account(
            self._id(), "acme", "Acme Corporation", START - 400 * _DAY, is_organization=True
        )
        world.add_account(org)
        world.organization = org
        for login, name in words.USERS:
            world.add_account(Account(self._id(), login, name, START - 300 * _DAY))
        for login in ("ada", "ben", "dan"):
            world.members.append(world.accounts[login])
        world.accounts["ada"].is_public_member = True
        self._authors = [world.accounts[login] for login, _ in words.USERS]

    def _repository(self, name: str, *, is_private: bool) -> None:
        at = START + self._random.randrange(20 * _DAY)
        owner = self.world.organization
        git = GitStore()
        title = name.replace("-", " ").capitalize()
        repository = Repository(
            self._id(), name, owner, is_private, f"{title}, as ordered.", at, at, at, git
        )
        repository.topics = ["acme"] if name != "empty" else []
        self.world.add_repository(repository)
        if name == "empty":
            return
        for label, color, description in words.LABELS:
            repository.labels[label] = Label(self._id(), label, color, description)
        self._history(repository, title)
        for number in range(1, _ISSUES.get(name, self._random.randrange(3, 13)) + 1):
            self._issue(repository, number)
        repository.updated_at = repository.pushed_at

    def _history(self, repository: Repository, title: str) -> None:
        git = repository.git
        at = repository.created_at
        parents: tuple[str, ...] = ()
        files = {"README.md": f"# {title}\n\nMade by Acme.\n".encode(), "EMPTY": b""}
        steps: tuple[dict[str, bytes], ...] = (
            {},
            {"src/main.py": b'print("beep beep")\n'},
            {"docs/guide.md": b"# Guide\n\nLook down.\n", "OWNERS": b"approvers:\n- ada\n- ben\n"},
            {"src/main.py": f'"""{title}."""\n\nprint("beep beep")\n'.encode()},
        )
        for number, step in enumerate(steps, 1):
            files |= step
            at += self._random.randrange(_DAY)
            author = self._random.choice(self._authors[:4])
            message = f"{self._random.choice(words.VERBS)} {title.lower()}, step {number}"
            commit = git.write_commit(
                git.write_files(files), parents, _signature(author), at, message
            )
            parents = (commit.sha,)
        git.refs["heads/main"] = parents[0]
        git.refs["heads/feature/x"] = parents[0]
        git.refs["tags/v1.0"] = git.history(git.commits[parents[0]])[-1].sha
        repository.pushed_at = at
        self._files = files

    def _issue(self, repository: Repository, number: int) -> None:
        random = self._random
        at = repository.pushed_at + random.randrange(_DAY)
        title = (
            f"{random.choice(words.VERBS)} the {random.choice(words.NOUNS)} "
            f"{random.choice(words.PLACES)}"
        )
        text = " ".join(random.choices(words.SENTENCES, k=random.randrange(1, 5)))
        issue = Issue(self._id(), number, title, text, random.choice(self._authors), at, at)
        issue.labels = [
            repository.labels[name]
            for name in sorted(random.sample(sorted(repository.labels), random.randrange(3)))
        ]
        if number % 10 == 0:
            issue.pull = self._pull(repository, number, title, at)
        if number % 3 == 0:
            issue.closed_at = issue.updated_at = at + _DAY
        for _ in range(random.randrange(4)):
            at += random.randrange(3600)
            comment = Comment(
                self._id(),
                random.choice(self._authors),
                random.choice(words.SENTENCES),
                at,
                at,
            )
            issue.comments.append(comment)
        repository.issues[number] = issue

    def _pull(self, repository: Repository, number: int, title: str, at: float) -> Pull:
        git = repository.git
        base = git.refs["heads/main"]
        files = self._files | {
            f"src/part_{number}.py": f'"""{title}."""\n\nPART = {number}\n'.encode(),
            "README.md": self._files["README.md"] + f"\nPart {number} is ready.\n".encode(),
        }
        author = self._random.choice(self._authors[:4])
        commit = git.write_commit(git.write_files(files), (base,), _signature(author), at, title)
        branch = f"part-{number}"
        git.refs[f"heads/{branch}"] = commit.sha
        git.refs[f"pull/{number}/head"] = commit.sha
        return Pull(self._id(), branch, commit.sha, base)

    def _app(self) -> None:
        world = self.world
        app_id = 100_000 + self._random.randrange(900_000)
        app = App(
            app_id,
            f"Iv23li{self._random.randbytes(7).hex()}",
            "road-runner",
            "Road Runner",
            world.organization,
            START,
            dict(_PERMISSIONS),
        )
        world.app = app
        installation = Installation(
            self._id(), app, world.organization, START + _DAY, dict(_PERMISSIONS)
        )
        world.installations[installation.id] = installation


def _signature(author: Account) -> tuple[str, str]:
    return author.name, f"{author.login}@acme.example"
