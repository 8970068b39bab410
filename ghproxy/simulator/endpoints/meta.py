"""What is about GitHub itself: limits, meta, zen, the root, GraphQL's address."""

from ghproxy.simulator.accounting import RESOURCES, as_json
from ghproxy.simulator.credentials import Kind
from ghproxy.simulator.errors import Refusal, requires_authentication
from ghproxy.simulator.graphql import Query, QueryError
from ghproxy.simulator.reply import Call, Reply
from ghproxy.simulator.routes import Operation

_ROOT = {
    "current_user_url": "/user",
    "authorizations_url": "/authorizations",
    "code_search_url": "/search/code?q={query}{&page,per_page,sort,order}",
    "commit_search_url": "/search/commits?q={query}{&page,per_page,sort,order}",
    "emails_url": "/user/emails",
    "emojis_url": "/emojis",
    "events_url": "/events",
    "feeds_url": "/feeds",
    "followers_url": "/user/followers",
    "following_url": "/user/following{/target}",
    "gists_url": "/gists{/gist_id}",
    "hub_url": "/hub",
    "issue_search_url": "/search/issues?q={query}{&page,per_page,sort,order}",
    "issues_url": "/issues",
    "keys_url": "/user/keys",
    "label_search_url": "/search/labels?q={query}&repository_id={repository_id}{&page,per_page}",
    "notifications_url": "/notifications",
    "organization_url": "/orgs/{org}",
    "organization_repositories_url": "/orgs/{org}/repos{?type,page,per_page,sort}",
    "organization_teams_url": "/orgs/{org}/teams",
    "public_gists_url": "/gists/public",
    "rate_limit_url": "/rate_limit",
    "repository_url": "/repos/{owner}/{repo}",
    "repository_search_url": "/search/repositories?q={query}{&page,per_page,sort,order}",
    "current_user_repositories_url": "/user/repos{?type,page,per_page,sort}",
    "starred_url": "/user/starred{/owner}{/repo}",
    "starred_gists_url": "/gists/starred",
    "topic_search_url": "/search/topics?q={query}{&page,per_page}",
    "user_url": "/users/{user}",
    "user_organizations_url": "/user/orgs",
    "user_repositories_url": "/users/{user}/repos{?type,page,per_page,sort}",
    "user_search_url": "/search/users?q={query}{&page,per_page,sort,order}",
}
_ZEN = b"Look down before you step."


def rate_limit(call: Call) -> Reply:
    """Free of the primary limit; version 2026-03-10 dropped the old `rate` object."""
    if call.viewer.kind is Kind.APP_JWT:
        raise Refusal(403, "Resource not accessible by integration")
    viewer = call.viewer
    resources = {
        name: as_json(call.accounts.window(viewer.identity, name, viewer.limits, int(call.now)))
        for name in RESOURCES
    }
    value: dict[str, object] = {"resources": resources}
    if call.api_version == "2022-11-28":
        value["rate"] = resources["core"]
    return Reply(value=value)


def meta(call: Call) -> Reply:
    value: dict[str, object] = {
        "verifiable_password_authentication": False,
        "hooks": ["192.30.252.0/22"],
        "web": ["192.30.252.0/22"],
        "api": ["192.30.252.0/22"],
        "git": ["192.30.252.0/22"],
        "domains": {"website": ["*.github.com"]},
    }
    return Reply(value=value, scope=call.world)


def zen(_call: Call) -> Reply:
    return Reply(text=_ZEN, content_type=b"text/plain;charset=utf-8")


def root(call: Call) -> Reply:
    value = {name: call.base + path for name, path in _ROOT.items()}
    page = "https://github.com/settings/connections/applications{/client_id}"
    return Reply(value=value | {"current_user_authorizations_html_url": page}, scope=call.world)


def versions(call: Call) -> Reply:
    return Reply(value=["2026-03-10", "2022-11-28"], scope=call.world)


def graphql(call: Call) -> Reply:
    """Errors of the query come as 200 with `errors`, as GitHub's do."""
    if call.viewer.is_anonymous:
        raise requires_authentication()
    content = call.content(dict[str, object])
    try:
        value: dict[str, object] = {"data": Query(_query(content)).answer(call)}
    except QueryError as error:
        value = {"errors": [{"message": str(error)}]}
    return Reply(value=value, media_field=b"github.v4; format=json")


def _query(content: dict[str, object]) -> str:
    text = content.get("query")
    if not isinstance(text, str):
        raise QueryError("A query attribute must be specified and must be a string.")
    return text


OPERATIONS = (
    Operation(method="GET", template="/", handler=root, docs="meta/meta#github-api-root"),
    Operation(
        method="GET", template="/rate_limit", handler=rate_limit, is_free=True, max_age=None,
        docs="rate-limit/rate-limit#get-rate-limit-status-for-the-authenticated-user",
    ),
    Operation(
        method="GET", template="/meta", handler=meta,
        docs="meta/meta#get-apiname-meta-information",
    ),
    Operation(method="GET", template="/zen", handler=zen, docs="meta/meta#get-the-zen-of-github"),
    Operation(
        method="GET", template="/versions", handler=versions,
        docs="meta/meta#get-all-api-versions",
    ),
    Operation(
        method="POST", template="/graphql", handler=graphql, resource="graphql", max_age=None,
        docs="graphql", scopes="repo",
    ),
)  # fmt: skip
