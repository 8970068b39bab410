"""Users, organisations and Apps."""

import base64

from ghproxy.simulator.clock import iso
from ghproxy.simulator.documents import Document
from ghproxy.simulator.world.entities import Account, App, Installation

HTML = "https://github.com"


def node_id(prefix: str, number: int) -> str:
    """An opaque global identifier in GitHub's new form."""
    packed = base64.urlsafe_b64encode(number.to_bytes(8, "big").lstrip(b"\0")).decode("ascii")
    return f"{prefix}_kgDO{packed.rstrip('=')}"


def simple_user(account: Account, base: str) -> Document:
    login, url = account.login, f"{base}/users/{account.login}"
    return {
        "login": login,
        "id": account.id,
        "node_id": node_id("O" if account.is_organization else "U", account.id),
        "avatar_url": f"https://avatars.githubusercontent.com/u/{account.id}?v=4",
        "gravatar_id": "",
        "url": url,
        "html_url": f"{HTML}/{login}",
        "followers_url": f"{url}/followers",
        "following_url": f"{url}/following{{/other_user}}",
        "gists_url": f"{url}/gists{{/gist_id}}",
        "starred_url": f"{url}/starred{{/owner}}{{/repo}}",
        "subscriptions_url": f"{url}/subscriptions",
        "organizations_url": f"{url}/orgs",
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events{{/privacy}}",
        "received_events_url": f"{url}/received_events",
        "type": "Organization" if account.is_organization else "User",
        "user_view_type": "public",
        "site_admin": False,
    }


def public_user(account: Account, base: str, repositories: int) -> Document:
    return simple_user(account, base) | {
        "name": account.name,
        "company": None,
        "blog": "",
        "location": None,
        "email": None,
        "hireable": None,
        "bio": None,
        "twitter_username": None,
        "public_repos": repositories,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "created_at": iso(account.created_at),
        "updated_at": iso(account.created_at),
    }


def private_user(account: Account, base: str) -> Document:
    return public_user(account, base, 0) | {
        "private_gists": 0,
        "total_private_repos": 0,
        "owned_private_repos": 0,
        "disk_usage": 0,
        "collaborators": 0,
        "two_factor_authentication": True,
        "plan": {"name": "free", "space": 976562499, "collaborators": 0, "private_repos": 10000},
    }


def simple_organization(account: Account, base: str) -> Document:
    url = f"{base}/orgs/{account.login}"
    return {
        "login": account.login,
        "id": account.id,
        "node_id": node_id("O", account.id),
        "url": url,
        "repos_url": f"{url}/repos",
        "events_url": f"{url}/events",
        "hooks_url": f"{url}/hooks",
        "issues_url": f"{url}/issues",
        "members_url": f"{url}/members{{/member}}",
        "public_members_url": f"{url}/public_members{{/member}}",
        "avatar_url": f"https://avatars.githubusercontent.com/u/{account.id}?v=4",
        "description": "Purveyors of everything.",
    }


def full_organization(account: Account, base: str, public_repos: int) -> Document:
    return simple_organization(account, base) | {
        "name": account.name,
        "company": None,
        "blog": "",
        "location": "Arizona",
        "email": None,
        "twitter_username": None,
        "is_verified": False,
        "has_organization_projects": True,
        "has_repository_projects": True,
        "public_repos": public_repos,
        "public_gists": 0,
        "followers": 0,
        "following": 0,
        "html_url": f"{HTML}/{account.login}",
        "created_at": iso(account.created_at),
        "updated_at": iso(account.created_at),
        "archived_at": None,
        "type": "Organization",
    }


def app(value: App, base: str, installations: int) -> Document:
    return {
        "id": value.id,
        "client_id": value.client_id,
        "slug": value.slug,
        "node_id": node_id("A", value.id),
        "owner": simple_user(value.owner, base),
        "name": value.name,
        "description": "Runs.",
        "external_url": "https://acme.example/road-runner",
        "html_url": f"{HTML}/apps/{value.slug}",
        "created_at": iso(value.created_at),
        "updated_at": iso(value.created_at),
        "permissions": value.permissions,
        "events": ["issues", "pull_request", "push"],
        "installations_count": installations,
    }


def installation(value: Installation, base: str) -> Document:
    url = f"{base}/app/installations/{value.id}"
    return {
        "id": value.id,
        "client_id": value.app.client_id,
        "account": simple_user(value.account, base),
        "repository_selection": "all" if value.repository_ids is None else "selected",
        "access_tokens_url": f"{url}/access_tokens",
        "repositories_url": f"{base}/installation/repositories",
        "html_url": f"{HTML}/organizations/{value.account.login}/settings/installations/{value.id}",
        "app_id": value.app.id,
        "app_slug": value.app.slug,
        "target_id": value.account.id,
        "target_type": "Organization",
        "permissions": value.permissions,
        "events": ["issues", "pull_request", "push"],
        "created_at": iso(value.created_at),
        "updated_at": iso(value.created_at),
        "single_file_name": None,
        "has_multiple_single_files": False,
        "single_file_paths": [],
        "suspended_by": None,
        "suspended_at": None,
    }
