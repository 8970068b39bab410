"""README's table of clients, each through the proxy: what works today, and what does not yet."""

import json
import os
import subprocess
from pathlib import Path

import github
import githubkit
import pytest

from tests.support.processes import ghproxy, simulator

HERE = Path(__file__).parent
ISSUES = "/repos/acme/anvil/issues"


@pytest.fixture(scope="module")
def origin():
    with simulator() as program:
        yield program


@pytest.fixture
def proxy(origin):
    origin.forget()
    with ghproxy(origin.url) as program:
        yield program


def output_of(*command, **environment):
    """Standard output of a client that succeeded."""
    run = subprocess.run(
        command,
        cwd=HERE,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=40,
        check=False,
    )
    assert run.returncode == 0, run.stderr
    return run.stdout


def modes(proxy, agent):
    """How many answers of each mode the proxy gave to user agents that begin so."""
    counts: dict[str, int] = {}
    for sample, value in proxy.metrics().items():
        if sample.startswith("ghcache_responses{") and f'user_agent="{agent}' in sample:
            mode = sample.partition('mode="')[2].partition('"')[0]
            counts[mode] = counts.get(mode, 0) + int(value)
    return counts


@pytest.mark.needs("curl")
def test_curl_reads_the_same_free_of_charge_the_second_time(origin, proxy):
    field = f"Authorization: Bearer {origin.token()}"
    pages = [output_of("curl", "-sf", "-H", field, f"{proxy.url}{ISSUES}?page=2") for _ in range(2)]

    assert pages[0] == pages[1]
    assert modes(proxy, "curl") == {"MISS": 1, "REVALIDATED": 1}
    assert origin.charged() == 1


@pytest.mark.needs("curl")
def test_curl_reaches_graphql_through_the_proxy(origin, proxy):
    field = f"Authorization: Bearer {origin.token()}"
    query = json.dumps({"query": "{viewer{login}}"})
    answer = output_of("curl", "-sf", "-H", field, "-d", query, f"{proxy.url}/graphql")

    assert json.loads(answer) == {"data": {"viewer": {"login": "ada"}}}
    assert modes(proxy, "curl") == {"SKIP": 1}


def pygithub(origin, proxy):
    return github.Github(
        auth=github.Auth.Token(origin.token()), base_url=proxy.url, lazy=True, retry=None
    )


def test_pygithub_reads_objects_and_first_pages(origin, proxy):
    for _ in range(2):
        client = pygithub(origin, proxy)
        assert len(list(client.get_repo("acme/anvil").get_issues()[:30])) == 30
        assert client.get_repo("acme/anvil").default_branch == "main"
        client.close()

    assert modes(proxy, "PyGithub") == {"MISS": 2, "REVALIDATED": 2}
    assert origin.charged() == 2


def test_pygithub_refuses_what_leads_to_another_host(origin, proxy):
    client = pygithub(origin, proxy)
    with pytest.raises(AssertionError):
        list(client.get_repo("acme/anvil").get_issues())
    loaded = client.get_repo("acme/anvil")
    assert loaded.default_branch == "main"
    with pytest.raises(AssertionError):
        loaded.get_issue(1).complete()
    client.close()


def test_githubkit_reads_first_pages_and_follows_links_past_the_proxy(origin, proxy):
    for _ in range(2):
        with githubkit.GitHub(origin.token(), base_url=proxy.url, http_cache=False) as client:
            issues = client.rest.issues.list_for_repo("acme", "anvil")
            assert len(issues.parsed_data) == 30
            assert issues.headers["link"].startswith(f"<{origin.url}/")

    assert modes(proxy, "GitHubKit") == {"MISS": 1, "REVALIDATED": 1}
    assert origin.charged() == 1


OCTOKIT = """
import { Octokit } from "octokit";
const octokit = new Octokit({ auth: process.env.TOKEN, baseUrl: process.env.BASE_URL });
const page = () => octokit.rest.issues.listForRepo({ owner: "acme", repo: "anvil" });
const modes = [await page(), await page()].map((answer) => answer.headers["x-cache-mode"]);
const issues = await octokit.paginate(octokit.rest.issues.listForRepo, {
  owner: "acme", repo: "anvil", state: "all", per_page: 100,
});
const { viewer } = await octokit.graphql("{ viewer { login } }");
console.log(JSON.stringify({ modes, issues: issues.length, login: viewer.login }));
"""


@pytest.mark.needs("octokit")
def test_octokit_reads_first_pages_and_follows_links_past_the_proxy(origin, proxy):
    printed = output_of(
        "node", "--input-type=module", "-e", OCTOKIT, TOKEN=origin.token(), BASE_URL=proxy.url
    )

    said = json.loads(printed)
    assert said["modes"] == ["MISS", "REVALIDATED"]
    assert said["login"] == "ada"
    assert said["issues"] > 100  # every page arrives, though only the first through the proxy
    assert modes(proxy, "octokit.js") == {"MISS": 2, "REVALIDATED": 1, "SKIP": 1}


@pytest.mark.needs("gh")
def test_gh_api_works_where_it_is_given_the_token(origin, proxy, tmp_path):
    token = origin.token()
    command = ("gh", "api", "-H", f"Authorization: Bearer {token}", f"{proxy.url}{ISSUES}")
    environment = {"GH_TOKEN": token, "GH_CONFIG_DIR": str(tmp_path)}
    lists = [json.loads(output_of(*command, **environment)) for _ in range(2)]
    pages = output_of(*command, "--paginate", "--jq", "length", **environment).split()

    assert lists[0] == lists[1]
    assert len(pages) > 1
    # --paginate asks for 100 on a page, so that page is another target.
    assert modes(proxy, "GitHub CLI") == {"MISS": 2, "REVALIDATED": 1}
