"""The world: everything that exists, found as GitHub finds it, and the versions of it.

A repository's `version` grows with each change inside it, the world's with each change anywhere:
that is how a cached rendering knows that it is out of date.
"""

from ghproxy.simulator.world.entities import Account, App, Installation, Issue, Repository


class World:
    """All state that GitHub's answers are made of."""

    organization: Account
    app: App

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.version = 0
        self.accounts: dict[str, Account] = {}
        self.accounts_by_id: dict[int, Account] = {}
        self.members: list[Account] = []
        self.repositories: dict[int, Repository] = {}
        self.installations: dict[int, Installation] = {}
        self._ids_by_name: dict[str, int] = {}
        self._former_names: dict[str, int] = {}
        self._last_id = 0

    def next_id(self) -> int:
        """An identifier above every one the seed gave out."""
        self._last_id = max(self._last_id, 2_000_000_000) + 1
        return self._last_id

    # -- finding

    def account(self, login: str) -> Account | None:
        return self.accounts.get(login.lower())

    def repository(self, full_name: str) -> Repository | None:
        """By its present name, in any letter case."""
        found = self._ids_by_name.get(full_name.lower())
        return None if found is None else self.repositories[found]

    def moved_repository(self, full_name: str) -> Repository | None:
        """By a former name."""
        found = self._former_names.get(full_name.lower())
        return None if found is None else self.repositories.get(found)

    def repositories_of(self, account: Account) -> list[Repository]:
        """Of one owner, by name."""
        found = [repository for repository in self.repositories.values()
                 if repository.owner is account]  # fmt: skip
        return sorted(found, key=lambda repository: repository.name)

    # -- changing

    def add_account(self, account: Account) -> None:
        self.accounts[account.login.lower()] = account
        self.accounts_by_id[account.id] = account

    def add_repository(self, repository: Repository) -> None:
        self.repositories[repository.id] = repository
        self._ids_by_name[repository.full_name.lower()] = repository.id
        self._former_names.pop(repository.full_name.lower(), None)
        self.version += 1

    def rename_alias(self, former: str, present: str) -> None:
        """Make a former name lead to a repository."""
        self._former_names[former.lower()] = self._ids_by_name[present.lower()]

    def rename(self, repository: Repository, name: str, now: float) -> None:
        """Give a repository another name; the old one redirects from now on."""
        former = repository.full_name.lower()
        del self._ids_by_name[former]
        self._former_names[former] = repository.id
        repository.name = name
        self._ids_by_name[repository.full_name.lower()] = repository.id
        self._former_names.pop(repository.full_name.lower(), None)
        repository.updated_at = now
        self.touch(repository)

    def touch(self, repository: Repository) -> None:
        """Something in this repository changed."""
        repository.version += 1
        self.version += 1

    def touch_issue(self, repository: Repository, issue: Issue, now: float) -> None:
        issue.updated_at = now
        self.touch(repository)

    def touch_everything(self) -> None:
        """Something that may show anywhere changed."""
        for repository in self.repositories.values():
            self.touch(repository)
