"""Every document against GitHub's own schema, as githubkit generated it from the description."""

from collections.abc import Awaitable, Callable
from typing import Any

import githubkit
import pytest

from tests.simulator.driver import Stage, play

ACME = ("acme", "anvil")
OPERATIONS: dict[str, Callable[[Any], Awaitable[Any]]] = {
    "repository": lambda r: r.repos.async_get(*ACME),
    "organization": lambda r: r.orgs.async_get("acme"),
    "organization repositories": lambda r: r.repos.async_list_for_org("acme"),
    "members": lambda r: r.orgs.async_list_members("acme"),
    "own user": lambda r: r.users.async_get_authenticated(),
    "user": lambda r: r.users.async_get_by_username("ben"),
    "own repositories": lambda r: r.repos.async_list_for_authenticated_user(),
    "own organizations": lambda r: r.orgs.async_list_for_authenticated_user(),
    "issues": lambda r: r.issues.async_list_for_repo(*ACME),
    "issue": lambda r: r.issues.async_get(*ACME, 10),
    "comments": lambda r: r.issues.async_list_comments(*ACME, 2),
    "all comments": lambda r: r.issues.async_list_comments_for_repo(*ACME),
    "labels": lambda r: r.issues.async_list_labels_for_repo(*ACME),
    "label": lambda r: r.issues.async_get_label(*ACME, "bug"),
    "issue labels": lambda r: r.issues.async_list_labels_on_issue(*ACME, 3),
    "pulls": lambda r: r.pulls.async_list(*ACME),
    "pull": lambda r: r.pulls.async_get(*ACME, 10),
    "pull files": lambda r: r.pulls.async_list_files(*ACME, 10),
    "pull commits": lambda r: r.pulls.async_list_commits(*ACME, 10),
    "file": lambda r: r.repos.async_get_content(*ACME, "README.md"),
    "folder": lambda r: r.repos.async_get_content(*ACME, "src"),
    "readme": lambda r: r.repos.async_get_readme(*ACME),
    "ref": lambda r: r.git.async_get_ref(*ACME, "heads/main"),
    "refs": lambda r: r.git.async_list_matching_refs(*ACME, "heads"),
    "tree": lambda r: r.git.async_get_tree(*ACME, "main"),
    "commits": lambda r: r.repos.async_list_commits(*ACME),
    "commit": lambda r: r.repos.async_get_commit(*ACME, "main"),
    "combined status": lambda r: r.repos.async_get_combined_status_for_ref(*ACME, "main"),
    "statuses": lambda r: r.repos.async_list_commit_statuses_for_ref(*ACME, "main"),
    "check runs": lambda r: r.checks.async_list_for_ref(*ACME, "main"),
    "check suites": lambda r: r.checks.async_list_suites_for_ref(*ACME, "main"),
    "pulls of a commit": lambda r: r.repos.async_list_pull_requests_associated_with_commit(
        *ACME, "part-10"
    ),
    "branches": lambda r: r.repos.async_list_branches(*ACME),
    "branch": lambda r: r.repos.async_get_branch(*ACME, "main"),
    "limits": lambda r: r.rate_limit.async_get(),
    "issue search": lambda r: r.search.async_issues_and_pull_requests(q="repo:acme/anvil"),
    "repository search": lambda r: r.search.async_repos(q="org:acme"),
    "code search": lambda r: r.search.async_code(q="beep"),
    "meta": lambda r: r.meta.async_get(),
    "root": lambda r: r.meta.async_root(),
    "versions": lambda r: r.meta.async_get_all_versions(),
    "created issue": lambda r: r.issues.async_create(*ACME, title="Fell"),
    "edited issue": lambda r: r.issues.async_update(*ACME, 1, title="Rose"),
    "created comment": lambda r: r.issues.async_create_comment(*ACME, 1, body="Ouch."),
    "created label": lambda r: r.issues.async_create_label(*ACME, name="steep"),
}
APP_OPERATIONS: dict[str, Callable[[Any, int], Awaitable[Any]]] = {
    "app": lambda a, _: a.async_get_authenticated(),
    "installations": lambda a, _: a.async_list_installations(),
    "installation": lambda a, i: a.async_get_installation(i),
    "token": lambda a, i: a.async_create_installation_access_token(i, repositories=["anvil"]),
    "repository installation": lambda a, _: a.async_get_repo_installation(*ACME),
}


@pytest.mark.parametrize("name", OPERATIONS)
def test_a_document_has_the_shape_of_githubs_schema(name: str):
    async def scene(stage: Stage) -> None:
        token = stage.tokens["personal:ada"]
        base = stage.simulator.api_url
        async with githubkit.GitHub(token, base_url=base, http_cache=False) as client:
            answer = await OPERATIONS[name](client.rest)
        assert answer.parsed_data is not None

    play(scene)


@pytest.mark.parametrize("name", APP_OPERATIONS)
def test_what_an_app_reads_has_the_shape_of_githubs_schema(name: str):
    async def scene(stage: Stage) -> None:
        app = stage.credentials["app_jwt"]
        auth = githubkit.AppAuthStrategy(app["app_id"], app["private_key"])
        installation = stage.credentials["installation:1"]["installation_id"]
        base = stage.simulator.api_url
        async with githubkit.GitHub(auth, base_url=base, http_cache=False) as client:
            answer = await APP_OPERATIONS[name](client.rest.apps, installation)
        assert answer.parsed_data is not None

    play(scene)
