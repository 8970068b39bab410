"""What README says of page two today: where each client goes while links are not rewritten.

When links stay inside the proxy, these turn round, and so does README's table.
"""

import json
import os
import subprocess
from pathlib import Path

import github as pygithub
import githubkit
import pytest

HERE = Path(__file__).parent


def output_of(*command, **environment):
    """Standard output of a client that succeeded."""
    run = subprocess.run(
        command,
        cwd=HERE,
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=40,
        check=True,
    )
    return run.stdout


def answered(proxy):
    """How many requests the proxy has answered."""
    samples = proxy.metrics().items()
    return sum(value for name, value in samples if name.startswith("ghcache_responses{"))


def test_pygithub_refuses_what_leads_to_another_host(github, proxy):
    client = pygithub.Github(
        auth=pygithub.Auth.Token(github.token()), base_url=proxy.url, lazy=True, retry=None
    )
    with pytest.raises(AssertionError):
        list(client.get_repo("acme/anvil").get_issues())
    loaded = client.get_repo("acme/anvil")
    assert loaded.default_branch == "main"
    with pytest.raises(AssertionError):
        loaded.get_issue(1).complete()
    client.close()

    assert answered(proxy) == 2


def test_githubkit_goes_past_the_proxy_for_page_two(github, proxy):
    with githubkit.GitHub(github.token(), base_url=proxy.url, http_cache=False) as client:
        pages = client.rest.paginate(client.rest.issues.list_for_repo, owner="acme", repo="anvil")
        assert len(list(pages)) > 30

    assert answered(proxy) == 1


OCTOKIT = """
import { Octokit } from "octokit";
const octokit = new Octokit({ auth: process.env.TOKEN, baseUrl: process.env.BASE_URL });
const issues = await octokit.paginate("GET /repos/{owner}/{repo}/issues", {
  owner: "acme", repo: "anvil",
});
const { viewer } = await octokit.graphql("{ viewer { login } }");
console.log(JSON.stringify({ issues: issues.length, login: viewer.login }));
"""


@pytest.mark.needs("octokit")
def test_octokit_goes_past_the_proxy_for_page_two_but_not_for_graphql(github, proxy):
    printed = output_of(
        "node", "--input-type=module", "-e", OCTOKIT, TOKEN=github.token(), BASE_URL=proxy.url
    )

    said = json.loads(printed)
    assert said["issues"] > 30
    assert said["login"] == "ada"
    assert answered(proxy) == 2


@pytest.mark.needs("gh")
def test_gh_goes_past_the_proxy_for_page_two(github, proxy, tmp_path):
    token = github.token()
    pages = output_of(
        "gh", "api", "--paginate", "--jq", "length", "-H", f"Authorization: Bearer {token}",
        f"{proxy.url}/repos/acme/anvil/issues", GH_TOKEN=token, GH_CONFIG_DIR=str(tmp_path),
    )  # fmt: skip

    assert len(pages.split()) > 1
    assert answered(proxy) == 1


@pytest.mark.needs("curl")
def test_a_page_asked_for_by_hand_goes_through_the_proxy(github, proxy):
    field = f"Authorization: Bearer {github.token()}"
    page = f"{proxy.url}/repos/acme/anvil/issues?page=2"
    first, second = (output_of("curl", "-sf", "-H", field, page) for _ in range(2))

    assert first == second
    assert answered(proxy) == 2
    assert github.charged() == 1
