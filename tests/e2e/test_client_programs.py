"""octokit, go-github and gh through the proxy: each gets what GitHub gives, then for free."""

import json
import os
import subprocess
from pathlib import Path

import pytest

HERE = Path(__file__).parent / "clients"
CACHE = Path(__file__).parents[2] / ".cache/go"


def run(*command, check=True, **environment):
    return subprocess.run(
        [*map(str, command)],
        env=os.environ | environment,
        capture_output=True,
        text=True,
        timeout=50,
        check=check,
    )


@pytest.fixture(scope="module")
def go_client(tmp_path_factory):
    """The Go program, built without a network from what scripts/setup fetched."""
    program = tmp_path_factory.mktemp("go") / "client"
    caches = {"GOMODCACHE": str(CACHE / "mod"), "GOCACHE": str(CACHE / "build")}
    offline = {"GOPROXY": "off", "GOTOOLCHAIN": "local", "GOFLAGS": "-modcacherw -buildvcs=false"}
    command = ["go", "build", "-o", program, "."]
    built = subprocess.run(
        command, cwd=HERE / "go", env=os.environ | caches | offline, capture_output=True, text=True
    )
    assert built.returncode == 0, built.stderr
    return [program]


@pytest.fixture
def client(request):
    """The command of one of the two programs that do the same work."""
    if request.param == "octokit":
        return ["node", HERE / "octokit.mjs"]
    return request.getfixturevalue("go_client")


both = pytest.mark.parametrize(
    "client",
    [
        pytest.param("octokit", marks=pytest.mark.needs("octokit")),
        pytest.param("go-github", marks=pytest.mark.needs("go-github")),
    ],
    indirect=True,
)


def printed(client, task, url, token):
    """What the program prints, as a value."""
    return json.loads(run(*client, task, BASE_URL=url, TOKEN=token).stdout)


def without_modes(round_):
    return {name: value for name, value in round_.items() if name != "modes"}


@both
def test_it_reads_what_github_gives_and_the_second_round_is_free(github, proxy, client):
    token = github.token()
    direct = printed(client, "read", github.url, token)
    github.forget()
    through = printed(client, "read", proxy.url, token)

    if isinstance(direct, dict):  # octokit also begins to paginate
        assert through["page"] == direct["page"]
        direct, through = direct["rounds"], through["rounds"]
    assert [without_modes(each) for each in through] == [without_modes(each) for each in direct]
    assert [each["modes"] for each in through] == [["MISS"] * 3, ["REVALIDATED"] * 3]
    assert [entry["charged"] for entry in github.journal()[:6]] == [1, 1, 1, 0, 0, 0]


@both
def test_it_writes_and_reads_what_it_wrote(github, proxy, client):
    token = github.token()
    through = printed(client, "write", proxy.url, token)

    assert (through["status"], through["body"]) == (201, "Hällo ☃")
    assert (through["comment"], through["comments"]) == ("A comment.", 1)
    assert through == printed(client, "write", github.url, token)


@both
def test_githubs_refusals_are_its_own_errors(github, proxy, client):
    token = github.token()
    through = printed(client, "errors", proxy.url, token)

    assert [each["status"] for each in through[:2]] == [404, 422]
    assert {each["type"] for each in through[:2]} <= {"HttpError", "*github.ErrorResponse"}
    assert through == printed(client, "errors", github.url, token)


@both
def test_a_github_that_is_down_is_its_own_error_with_what_happened(orphan, client):
    missing, invalid, *_ = printed(client, "errors", orphan.url, "any")
    for each in (missing, invalid):
        assert (each["status"], each["type"]) in {
            (502, "HttpError"),
            (502, "*github.ErrorResponse"),
        }
        assert "Bad Gateway" in each["message"]


@pytest.mark.needs("gh")
def test_gh_reads_what_github_gives_and_ends_with_1_on_errors(github, proxy, orphan, tmp_path):
    token = github.token()

    def gh(address):
        field = f"Authorization: Bearer {token}"
        return run(
            "gh", "api", "-H", field, address,
            check=False, GH_TOKEN=token, GH_CONFIG_DIR=str(tmp_path),
        )  # fmt: skip

    direct = gh(f"{github.url}/repos/acme/anvil")
    github.forget()
    assert gh(f"{proxy.url}/repos/acme/anvil").stdout == direct.stdout
    assert gh(f"{proxy.url}/repos/acme/anvil").stdout == direct.stdout
    assert github.charged() == 1
    missing, failed = gh(f"{proxy.url}/repos/acme/none"), gh(f"{orphan.url}/repos/acme/anvil")
    assert (missing.returncode, missing.stderr) == (1, "gh: Not Found (HTTP 404)\n")
    assert failed.returncode == 1
    assert failed.stderr.startswith("gh: Bad Gateway")
    assert "(HTTP 502)" in failed.stderr
