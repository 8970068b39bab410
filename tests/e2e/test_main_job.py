"""The main job with real processes: real clients fetch, hits are free, nothing is ever mixed."""

import concurrent.futures
import json
import subprocess
import sys
import urllib.error
import urllib.request
from pathlib import Path

import pytest

from tests.support.processes import CHECKOUT, ghproxy, simulator

REPOSITORY = "/repos/acme/anvil"


@pytest.fixture(scope="module")
def github():
    with simulator() as program:
        yield program


@pytest.fixture
def proxy(github):
    github.forget()
    with ghproxy(github.url) as program:
        yield program


def ask(url, token=None, method="GET", content=None, **fields):
    """Status, fields (lower-case names, last line wins) and content of one request."""
    request = urllib.request.Request(url, content, method=method)
    request.add_header("User-Agent", "test/1")
    if token is not None:
        request.add_header("Authorization", f"Bearer {token}")
    for name, value in fields.items():
        request.add_header(name.replace("_", "-"), value)
    try:
        with urllib.request.urlopen(request, timeout=30) as response:
            return response.status, dict(_lower(response.headers)), response.read()
    except urllib.error.HTTPError as error:
        with error:
            return error.code, dict(_lower(error.headers)), error.read()


def _lower(fields):
    return ((name.lower(), value) for name, value in fields.items())


def test_a_hit_is_validated_and_costs_nothing(github, proxy):
    token = github.token()
    first = ask(proxy.url + REPOSITORY, token)
    assert (first[0], first[1]["x-cache-mode"]) == (200, "MISS")
    for _ in range(5):
        status, fields, content = ask(proxy.url + REPOSITORY, token)
        assert (status, fields["x-cache-mode"], content) == (200, "REVALIDATED", first[2])
        assert fields["x-from-cache"] == "1"
    entries = github.journal()
    assert [entry["status"] for entry in entries] == [200] + [304] * 5
    assert github.charged() == 1


def test_what_arrives_through_the_proxy_is_what_github_sends(github, proxy):
    token = github.token()
    of_the_moment = {
        "connection", "date", "server", "x-github-edge-region", "x-github-request-id",
        "x-ratelimit-remaining", "x-ratelimit-used",
    }  # fmt: skip
    ours = {"x-cache-mode", "cache-status", "via", "x-request-id", "x-from-cache"}
    for target in (REPOSITORY, "/user", "/orgs/acme/repos?per_page=5", "/repos/acme/none", "/zen"):
        direct = ask(github.url + target, token, Accept="application/vnd.github+json")
        for _ in range(2):
            through = ask(proxy.url + target, token, Accept="application/vnd.github+json")
            assert through[0] == direct[0]
            assert through[2] == direct[2]
            expected = {n: v for n, v in direct[1].items() if n not in of_the_moment}
            given = {n: v for n, v in through[1].items() if n not in of_the_moment | ours}
            assert given == expected, target


def test_a_restart_keeps_the_cache(github, tmp_path):
    token = github.token()
    options = ("--cache-dir", tmp_path / "cache", "--cache-sizeGB", "0.1")
    with ghproxy(github.url, *options) as proxy:
        assert ask(proxy.url + REPOSITORY, token)[1]["x-cache-mode"] == "MISS"
    with ghproxy(github.url, *options) as proxy:
        assert ask(proxy.url + REPOSITORY, token)[1]["x-cache-mode"] == "REVALIDATED"


def test_another_upstream_in_the_same_directory_is_another_cache(github, tmp_path):
    token = github.token()
    options = ("--cache-dir", tmp_path / "cache", "--cache-sizeGB", "0.1")
    with ghproxy(github.url, *options) as proxy:
        assert ask(proxy.url + REPOSITORY, token)[1]["x-cache-mode"] == "MISS"
    with ghproxy(github.url + "/api/v3/", *options) as proxy:
        status, fields, _ = ask(proxy.url + REPOSITORY, token)
        assert (status, fields["x-cache-mode"]) == (200, "MISS")


def test_a_token_that_may_not_see_a_repository_never_sees_it(github, proxy):
    alice, bob = (found["token"] for found in github.credentials("personal")[:2])
    private = next(
        f"/repos/{repository['full_name']}"
        for repository in json.loads(ask(github.url + "/orgs/acme/repos?per_page=100", alice)[2])
        if repository["private"]
    )
    seen = ask(proxy.url + private, alice)
    assert seen[0] == 200
    for token in (bob, None):
        status, fields, content = ask(proxy.url + private, token)
        assert (status, fields["x-cache-mode"]) == (404, "NO-STORE")
        assert json.loads(content)["message"] == "Not Found"
    assert ask(proxy.url + private, alice)[1]["x-cache-mode"] == "REVALIDATED"


def test_a_change_is_seen_at_once(github, proxy):
    token = github.token()
    target = proxy.url + REPOSITORY + "/issues?per_page=1"
    issue = json.loads(ask(target, token)[2])[0]
    edit = json.dumps({"title": "Changed"}).encode()
    status, fields, _ = ask(
        f"{proxy.url}{REPOSITORY}/issues/{issue['number']}", token, "PATCH", edit
    )
    assert (status, fields["x-cache-mode"]) == (200, "SKIP")
    _, fields, content = ask(target, token)
    assert (fields["x-cache-mode"], json.loads(content)[0]["title"]) == ("CHANGED", "Changed")


def test_fifty_clients_in_one_moment_cost_one_request(github, proxy):
    token = github.token()
    github.control("POST", "/holds", {"path": REPOSITORY})
    with concurrent.futures.ThreadPoolExecutor(50) as clients:
        asked = [clients.submit(ask, proxy.url + REPOSITORY, token) for _ in range(50)]
        while _waiting_connections(proxy) < 50:
            pass
        github.control("DELETE", "/holds")
        got = [answer.result() for answer in asked]
    modes = sorted(fields["x-cache-mode"] for _, fields, _ in got)
    assert modes.count("COALESCED") >= 45
    assert len({content for _, _, content in got}) == 1
    assert github.charged() <= 5


def _waiting_connections(proxy):
    """Connections that clients hold open to the main port."""
    port = f":{proxy.port:04X}"
    rows = [line.split() for line in Path("/proc/net/tcp").read_text().splitlines()]
    return sum(row[1].endswith(port) and row[3] == "01" for row in rows[1:])


def test_it_says_three_lines_and_ends_with_success(github, tmp_path):
    with ghproxy(github.url, "--cache-dir", tmp_path, "--cache-sizeGB", "1") as proxy:
        pass
    assert proxy.process.returncode == 0
    lines = proxy.said.splitlines()
    assert len(lines) == 3
    assert proxy.url in lines[0]
    assert str(tmp_path) in lines[1]
    assert "curl" in lines[2]


def test_memory_in_the_place_of_the_disk_gathers_no_more_than_it_keeps(github, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    environment = {"XDG_CACHE_HOME": str(blocked)}
    options = ("--cache-store=disk", "--memory-sizeMB=1")
    with ghproxy(github.url, *options, environment=environment) as proxy:
        token = github.token()
        for size, modes in ((500_000, ["MISS", "REVALIDATED"]), (2_000_000, ["NO-STORE"] * 2)):
            target = f"{proxy.url}/repos/acme/anvil/contents/generated/{size}"
            raw = "application/vnd.github.raw"
            asked = [ask(target, token, Accept=raw)[1]["x-cache-mode"] for _ in range(2)]
            assert asked == modes


def test_without_a_usable_directory_it_says_so_once_and_caches_in_memory(github, tmp_path):
    blocked = tmp_path / "file"
    blocked.write_text("not a directory")
    environment = {"XDG_CACHE_HOME": str(blocked)}
    with ghproxy(github.url, "--cache-store=disk", environment=environment) as proxy:
        token = github.token()
        assert ask(proxy.url + REPOSITORY, token)[1]["x-cache-mode"] == "MISS"
        assert ask(proxy.url + REPOSITORY, token)[1]["x-cache-mode"] == "REVALIDATED"
    assert proxy.said.count("memory instead") == 1
    assert len(proxy.said.splitlines()) == 4


@pytest.mark.parametrize(
    ("options", "word"),
    [
        (["--prot=1"], "--port"),
        (["--port=eighty"], "--port"),
        (["--cache-dir=/tmp"], "--cache-sizeGB"),
        (["--redis-address=localhost:6379"], "--redis-address"),
        (["--config=/nowhere/ghproxy.toml"], "/nowhere/ghproxy.toml"),
        (["--cache-dir=/proc/nowhere", "--cache-sizeGB=1"], "/proc/nowhere"),
    ],
)
def test_a_bad_start_is_one_clear_line_and_exit_2(options, word):
    command = [sys.executable, "-m", "ghproxy", *options]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, timeout=30)
    assert ended.returncode == 2
    assert word in ended.stderr
    assert "Traceback" not in ended.stderr
    assert len(ended.stderr.splitlines()) == 1


@pytest.mark.parametrize("option", ["--port", "--metrics-port", "--health-port"])
def test_a_port_in_use_is_one_clear_line_that_names_the_option_and_exit_2(proxy, option):
    others = {"--port", "--metrics-port", "--health-port", "--pprof-port"} - {option}
    command = [sys.executable, "-m", "ghproxy", "--host=127.0.0.1", "--cache-store=memory",
               f"{option}={proxy.port}", *(f"{other}=0" for other in others)]  # fmt: skip
    ended = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, timeout=30)
    assert ended.returncode == 2
    assert ended.stderr == f"ghproxy: port {proxy.port} is in use ({option})\n"


def test_the_metrics_of_a_run_carry_prows_names_and_labels(github, proxy):
    token = github.token()
    for _ in range(3):
        ask(proxy.url + REPOSITORY, token, X_PROW_GHCACHE_TOKEN_BUDGET_IDENTIFIER="acme - bot")
    samples = proxy.metrics()
    labels = 'path="/repos/:owner/:repo",token_hash="acme - bot",user_agent="test"'
    assert samples[f'ghcache_responses{{mode="MISS",{labels}}}'] == 1
    assert samples[f'ghcache_responses{{mode="REVALIDATED",{labels}}}'] == 2
    usage = [name for name in samples if name.startswith("github_token_usage{")]
    assert len(usage) == 1
    assert 'token_hash="acme - bot"' in usage[0]
    assert samples["concurrent_outbound_requests"] == 0
    assert samples["pending_outbound_requests"] == 0
