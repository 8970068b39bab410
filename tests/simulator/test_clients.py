"""Real clients against the simulator itself, without a gateway between."""

import json
import subprocess
from collections.abc import Iterator
from typing import Any

import githubkit
import pytest
from github import Auth, Github, GithubException

from tests.simulator.driver import Running, Stage, play


@pytest.fixture
def running() -> Iterator[Running]:
    with Running() as found:
        yield found


def test_pygithub_reads_pages_and_writes(running: Running):
    token = running.credential("personal:ada")["token"]
    with Github(
        base_url=running.api,
        auth=Auth.Token(token),
        per_page=100,
        seconds_between_requests=0,
        seconds_between_writes=0,
    ) as client:
        assert client.get_user().login == "ada"
        repository = client.get_repo("acme/anvil")
        issues = list(repository.get_issues(state="all"))
        assert sorted(issue.number for issue in issues) == list(range(1, 251))
        readme = repository.get_contents("README.md")
        assert not isinstance(readme, list)
        assert readme.decoded_content.startswith(b"# Anvil")
        assert repository.get_pull(10).head.ref == "part-10"
        assert repository.get_branch("feature/x").commit.sha
        issue = repository.create_issue("Fell", "Far.")
        issue.create_comment("Ouch.")
        assert [comment.body for comment in issue.get_comments()] == ["Ouch."]
        issue.edit(state="closed")
        assert repository.get_issue(issue.number).state == "closed"
        issue.add_to_labels("bug")
        assert [label.name for label in issue.get_labels()] == ["bug"]
        assert client.search_issues("repo:acme/anvil is:pr").totalCount == 25
        assert len(list(client.get_organization("acme").get_repos())) == 40
        assert client.get_rate_limit().resources.core.limit == 5000
        with pytest.raises(GithubException) as refused:
            client.get_repo("acme/nothing")
        assert refused.value.status == 404


def test_pygithub_mints_an_installation_token_with_the_apps_key(running: Running):
    app = running.credential("app_jwt")
    auth = Auth.AppAuth(app["app_id"], app["private_key"])
    installation = running.credential("installation:1")["installation_id"]
    with Github(
        base_url=running.api, auth=auth.get_installation_auth(installation), per_page=100
    ) as client:
        assert client.get_repo("acme/jet-skates").private


def test_githubkit_reads_pages_writes_and_asks_graphql():
    async def scene(stage: Stage) -> None:
        client = githubkit.GitHub(
            stage.tokens["personal:ada"], base_url=stage.simulator.api_url, http_cache=False
        )
        async with client:
            user = await client.rest.users.async_get_authenticated()
            assert user.parsed_data.login == "ada"
            repository = (await client.rest.repos.async_get("acme", "anvil")).parsed_data
            assert repository.full_name == "acme/anvil"
            pages: Any = client.rest.paginate(
                client.rest.issues.async_list_for_repo,
                owner="acme",
                repo="anvil",
                state="all",
                per_page=100,
            )
            numbers = [issue.number async for issue in pages]
            assert sorted(numbers) == list(range(1, 251))
            made = await client.rest.issues.async_create("acme", "anvil", title="Fell")
            comment = await client.rest.issues.async_create_comment(
                "acme", "anvil", made.parsed_data.number, body="Ouch."
            )
            assert comment.parsed_data.body == "Ouch."
            pull = (await client.rest.pulls.async_get("acme", "anvil", 10)).parsed_data
            assert pull.head.ref == "part-10"
            commits = await client.rest.repos.async_list_commits("acme", "anvil")
            assert len(commits.parsed_data) == 4
            branch = await client.rest.repos.async_get_branch("acme", "anvil", "main")
            assert branch.parsed_data.name == "main"
            tree = await client.rest.git.async_get_tree("acme", "anvil", "main")
            assert tree.parsed_data.tree
            limits = await client.rest.rate_limit.async_get()
            assert limits.parsed_data.resources.core.limit == 5000
            answer = await client.async_graphql("query { viewer { login } }")
            assert answer == {"viewer": {"login": "ada"}}

    play(scene)


def test_githubkit_works_as_an_app_installation():
    async def scene(stage: Stage) -> None:
        app = stage.credentials["app_jwt"]
        auth = githubkit.AppInstallationAuthStrategy(
            app["app_id"],
            app["private_key"],
            stage.credentials["installation:1"]["installation_id"],
        )
        client = githubkit.GitHub(auth, base_url=stage.simulator.api_url, http_cache=False)
        async with client:
            listed = await client.rest.apps.async_list_repos_accessible_to_installation(
                per_page=100
            )
            assert listed.parsed_data.total_count == 40
        minted = [entry for entry in await stage.journal() if entry["method"] == "POST"]
        assert [entry["status"] for entry in minted] == [201]

    play(scene)


@pytest.mark.needs("curl")
def test_curl_gets_pretty_json_and_its_304_by_etag_file(running: Running, tmp_path):
    tag = tmp_path / "tag"
    command = ["curl", "-sS", "--compressed", "--etag-save", tag, "--etag-compare", tag]
    command += ["-w", "%{http_code}", "-o", tmp_path / "out", f"{running.api}/repos/acme/anvil"]
    first = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    assert first.stdout == "200"
    text = (tmp_path / "out").read_text()
    assert text.startswith('{\n  "id": ')
    assert json.loads(text)["name"] == "anvil"
    second = subprocess.run(command, capture_output=True, text=True, check=True, timeout=20)
    assert second.stdout == "304"
