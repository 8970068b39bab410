"""Search: never tagged, never cacheable, on a limit of its own (github-api.md 1, 3.3)."""

from ghproxy.simulator.documents.git import Place, content_item
from ghproxy.simulator.documents.issues import issue
from ghproxy.simulator.documents.repositories import minimal_repository, repository_item
from ghproxy.simulator.endpoints.lists import listed
from ghproxy.simulator.errors import invalid
from ghproxy.simulator.reply import Call, Reply
from ghproxy.simulator.routes import Operation
from ghproxy.simulator.world.entities import Issue, Repository

_MOST_RESULTS = 1000


class _Terms:
    """`repo:`, `org:`, `is:`, `state:`, `label:` qualifiers and the words besides."""

    def __init__(self, query: str) -> None:
        self.words: list[str] = []
        self.qualifiers: dict[str, list[str]] = {}
        for part in query.split():
            name, colon, value = part.partition(":")
            if colon:
                self.qualifiers.setdefault(name, []).append(value.strip('"').lower())
            else:
                self.words.append(part.strip('"').lower())

    def covers(self, repository: Repository) -> bool:
        names = self.qualifiers.get("repo")
        owners = self.qualifiers.get("org", []) + self.qualifiers.get("user", [])
        if names is not None and repository.full_name.lower() not in names:
            return False
        return not owners or repository.owner.login.lower() in owners

    def match(self, value: Issue) -> bool:
        wanted = self.qualifiers.get("is", []) + self.qualifiers.get("state", [])
        wanted += self.qualifiers.get("type", [])
        kind = "pr" if value.pull is not None else "issue"
        labels = {label.name.lower() for label in value.labels}
        text = f"{value.title} {value.text or ''}".lower()
        return (
            not {"pr", "issue"}.intersection(wanted) - {kind}
            and not {"open", "closed"}.intersection(wanted) - {value.state}
            and labels.issuperset(self.qualifiers.get("label", []))
            and all(word in text for word in self.words)
        )


def _terms(call: Call) -> _Terms:
    query = call.query.get("q", "")
    if not query:
        raise invalid("Search", "q", "missing")
    return _Terms(query)


def issues(call: Call) -> Reply:
    terms = _terms(call)
    pairs = [
        (value, repository)
        for repository in call.world.repositories.values()
        if call.viewer.may_see(repository) and terms.covers(repository)
        for value in repository.issues.values()
        if terms.match(value)
    ]
    pairs.sort(key=lambda pair: -pair[0].created_at)
    return _results(
        listed(
            call,
            pairs[:_MOST_RESULTS],
            lambda pair: issue(pair[0], pair[1], call.base) | {"score": 1.0},
            "/search/issues",
            call.world,
        ),
        len(pairs),
        search_type="lexical",
    )


def repositories(call: Call) -> Reply:
    terms = _terms(call)
    seen = [
        each
        for each in call.world.repositories.values()
        if call.viewer.may_see(each)
        and terms.covers(each)
        and all(word in each.name for word in terms.words)
    ]
    return _results(
        listed(
            call,
            seen,
            lambda each: repository_item(each, call.base, call.viewer) | {"score": 1.0},
            "/search/repositories",
            call.world,
        ),
        len(seen),
    )


def code(call: Call) -> Reply:
    """Files of the default branches with all the words in them."""
    terms = _terms(call)
    hits = [
        (path, sha, repository)
        for repository in call.world.repositories.values()
        if call.viewer.may_see(repository) and terms.covers(repository) and repository.git.refs
        for path, sha in _files(repository).items()
        if all(word in repository.git.blobs[sha].decode().lower() for word in terms.words)
    ]
    return _results(
        listed(call, hits, lambda hit: _hit(call, *hit), "/search/code", call.world), len(hits)
    )


def _files(repository: Repository) -> dict[str, str]:
    git = repository.git
    return git.files(git.commits[git.refs[f"heads/{repository.default_branch}"]].tree)


def _hit(call: Call, path: str, sha: str, repository: Repository) -> dict[str, object]:
    place = Place(repository, repository.default_branch, call.base)
    item = content_item(path, sha, 0, place)
    kept = {name: item[name] for name in ("name", "path", "sha", "url", "git_url", "html_url")}
    return kept | {"repository": minimal_repository(repository, call.base), "score": 1.0}


def _results(reply: Reply, total: int, **more: str) -> Reply:
    value = {"total_count": total, "incomplete_results": False, "items": reply.value, **more}
    return Reply(value=value, scope=reply.scope, link=reply.link)


OPERATIONS = (
    Operation(
        method="GET", template="/search/code", handler=code, resource="code_search",
        max_age=None, docs="search/search#search-code",
        permissions="allows_permissionless_access=true",
    ),
    Operation(
        method="GET", template="/search/issues", handler=issues, resource="search", max_age=None,
        docs="search/search#search-issues-and-pull-requests",
        permissions="allows_permissionless_access=true",
    ),
    Operation(
        method="GET", template="/search/repositories", handler=repositories, resource="search",
        max_age=None, docs="search/search#search-repositories",
        permissions="allows_permissionless_access=true",
    ),
)  # fmt: skip
