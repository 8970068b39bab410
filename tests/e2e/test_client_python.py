"""PyGithub and githubkit through the proxy: objects, errors of their own, and free second reads."""

import asyncio

import githubkit
import pytest
from github import (
    Auth,
    BadCredentialsException,
    Github,
    GithubException,
    UnknownObjectException,
)
from githubkit.exception import RequestFailed

REPOSITORY = "/repos/acme/anvil"


@pytest.fixture
def pygithub():
    """Clients with that base URL and token; closed at the end."""
    opened = []

    def open_client(base_url, token):
        client = Github(auth=Auth.Token(token), base_url=base_url, lazy=True, retry=None)
        opened.append(client)
        return client

    yield open_client
    for client in opened:
        client.close()


def seen_by_pygithub(client):
    """A repository, a first page, an issue: as far as lazy objects go while links lead away."""
    repository = client.get_repo("acme/anvil")
    page = repository.get_issues(state="all").get_page(0)
    issue = repository.get_issue(page[0].number)
    _, document = client.requester.requestJsonAndCheck("GET", f"{REPOSITORY}/labels")
    return {
        "repository": (repository.id, repository.default_branch, repository.pushed_at),
        "page": [(each.number, each.title, each.user.login, each.created_at) for each in page],
        "issue": (issue.title, issue.body, issue.state),
        "labels": document,
    }


def test_pygithub_sees_what_github_shows_and_the_second_time_is_free(github, proxy, pygithub):
    token = github.token()
    direct = seen_by_pygithub(pygithub(github.url, token))
    github.forget()

    rounds = [seen_by_pygithub(pygithub(proxy.url, token)) for _ in range(2)]

    assert rounds == [direct, direct]
    entries = github.journal()
    half = len(entries) // 2
    assert [entry["status"] for entry in entries] == [200] * half + [304] * half
    assert github.charged() == half == 4


def test_pygithub_writes_and_reads_what_it_wrote(github, proxy, pygithub):
    client = pygithub(proxy.url, github.token())
    repository = client.get_repo("acme/anvil")

    _, made = client.requester.requestJsonAndCheck(
        "POST", f"{REPOSITORY}/issues", input={"title": "From Python", "body": "Hällo ☃"}
    )
    issue = repository.get_issue(made["number"])
    comment = issue.create_comment("A comment.")

    assert (issue.title, issue.body) == ("From Python", "Hällo ☃")
    assert comment.body == "A comment."
    again = repository.get_issue(made["number"])
    assert [each.body for each in again.get_comments()] == ["A comment."]
    assert again.comments == 1


def test_githubs_refusals_are_pygithubs_exceptions(github, proxy, pygithub):
    client = pygithub(proxy.url, github.token())
    with pytest.raises(UnknownObjectException) as missing:
        client.requester.requestJsonAndCheck("GET", "/repos/acme/none")
    with pytest.raises(GithubException) as invalid:
        client.requester.requestJsonAndCheck("POST", f"{REPOSITORY}/issues", input={})
    with pytest.raises(BadCredentialsException):
        pygithub(proxy.url, "nobody").get_user().login  # noqa: B018  the attribute asks GitHub

    assert missing.value.data["message"] == "Not Found"
    assert (invalid.value.status, invalid.value.data["errors"][0]["field"]) == (422, "title")


def test_a_github_that_is_down_is_pygithubs_exception_with_what_happened(orphan, pygithub):
    with pytest.raises(GithubException) as failed:
        pygithub(orphan.url, "any").get_repo("acme/anvil").default_branch  # noqa: B018  as above
    assert failed.value.status == 502
    assert "Bad Gateway" in failed.value.data["message"]


def kit(base_url, token, *, http_cache=True):
    return githubkit.GitHub(token, base_url=base_url, http_cache=http_cache, auto_retry=False)


def test_githubkit_with_its_own_cache_sees_what_github_shows_free_of_charge(github, proxy):
    token = github.token()
    with kit(github.url, token, http_cache=False) as client:
        direct = client.rest.issues.list_for_repo("acme", "anvil")
    github.forget()

    with kit(proxy.url, token) as client:
        rounds = [client.rest.issues.list_for_repo("acme", "anvil") for _ in range(3)]

    for each in rounds:
        assert each.status_code == 200
        assert each.content == direct.content
        assert each.parsed_data == direct.parsed_data
    assert [entry["charged"] for entry in github.journal()] == [1, 0, 0]


def test_githubkit_with_its_own_cache_is_told_of_a_change(github, proxy):
    token = github.token()
    with kit(proxy.url, token) as client:
        issue = client.rest.issues.list_for_repo("acme", "anvil").parsed_data[0]
        client.rest.issues.update("acme", "anvil", issue.number, title="Changed for the kit")
        again = client.rest.issues.list_for_repo("acme", "anvil").parsed_data

    assert "Changed for the kit" in [each.title for each in again]


def test_githubkit_in_a_loop_sees_what_github_shows_free_of_charge(github, proxy):
    token = github.token()

    async def contents(base_url, *, http_cache, rounds):
        async with kit(base_url, token, http_cache=http_cache) as client:
            answers = [
                await asyncio.gather(
                    client.rest.repos.async_get("acme", "anvil"),
                    client.rest.issues.async_list_for_repo("acme", "anvil"),
                    client.rest.pulls.async_get("acme", "anvil", 10),
                )
                for _ in range(rounds)
            ]
        return [[each.content for each in answer] for answer in answers]

    direct = asyncio.run(contents(github.url, http_cache=False, rounds=1))
    github.forget()

    assert asyncio.run(contents(proxy.url, http_cache=True, rounds=2)) == direct * 2
    assert github.charged() == 3


def test_githubs_refusals_are_githubkits_exceptions(github, proxy):
    with kit(proxy.url, github.token()) as client:
        with pytest.raises(RequestFailed) as missing:
            client.rest.repos.get("acme", "none")
        with pytest.raises(RequestFailed) as invalid:
            client.request("POST", f"{REPOSITORY}/issues", json={})

    assert missing.value.response.json()["message"] == "Not Found"
    assert [each.value.response.status_code for each in (missing, invalid)] == [404, 422]


def test_a_github_that_is_down_is_githubkits_exception_with_what_happened(orphan):
    with kit(orphan.url, "any") as client, pytest.raises(RequestFailed) as failed:
        client.rest.repos.get("acme", "anvil")
    assert failed.value.response.status_code == 502
    assert "Bad Gateway" in failed.value.response.json()["message"]
