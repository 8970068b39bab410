"""What operators of Prow's ghproxy have in manifests and dashboards works here, or says why not."""

import json
import shlex
import subprocess
import sys

import pytest

from tests.support.asking import ask
from tests.support.processes import CHECKOUT, ghproxy

# Every path of Prow's client that its own ghproxy could not name.
PATHS = """
/orgs/acme/failed_invitations
/orgs/acme/hooks
/orgs/acme/hooks/1
/orgs/acme/installations
/orgs/acme/invitations/1
/orgs/acme/projects
/orgs/acme/teams/crew
/orgs/acme/teams/crew/invitations
/orgs/acme/teams/crew/members
/orgs/acme/teams/crew/memberships/ada
/orgs/acme/teams/crew/repos
/orgs/acme/teams/crew/repos/acme/anvil
/projects/1/columns
/projects/columns/1/cards
/projects/columns/cards/1
/projects/columns/cards/1/moves
/repos/acme/anvil/actions/runs
/repos/acme/anvil/actions/runs/1/approve
/repos/acme/anvil/actions/runs/1/rerun
/repos/acme/anvil/actions/runs/1/rerun-failed-jobs
/repos/acme/anvil/check-runs
/repos/acme/anvil/check-runs/1
/repos/acme/anvil/git/refs/tags/v1
/repos/acme/anvil/hooks/1
/repos/acme/anvil/installation
/repos/acme/anvil/invitations
/repos/acme/anvil/invitations/1
/repos/acme/anvil/issues/comments/1/reactions
/repos/acme/anvil/projects
/repos/acme/anvil/pulls/1/update-branch
/user/memberships/orgs
/user/memberships/orgs/acme
/user/repository_invitations/1
/repos/acme/anvil/contents/a/b
/repos/acme/anvil/branches/feature/x
/repos/acme/anvil/git/ref/heads/main
/repos/acme/anvil/pulls/1/requested_reviewers
/repos/acme/anvil/pulls/1/merge
/repos/acme/anvil/statuses/0123456789012345678901234567890123456789
/search/issues?q=is:pr
/graphql
/app/installations/1/access_tokens
"""

THROTTLING = (
    "--get-throttling-time-ms", "--throttling-time-ms", "--throttling-time-v4-ms",
    "--throttling-max-delay-duration-seconds", "--throttling-max-delay-duration-v4-seconds",
)  # fmt: skip

# The arguments of public deployments, as they are in their manifests.
DEPLOYMENTS = {
    "istio": "--cache-dir=/cache --cache-sizeGB=15 --serve-metrics=true",
    "falco": "--cache-dir=/cache --cache-sizeGB=99 --serve-metrics=true",
    "knative": """
        --cache-dir=/cache --cache-sizeGB=99
        --legacy-disable-disk-cache-partitions-by-auth-header=false
        """,
    "kubernetes, kubevirt, gardener, starter": """
        --cache-dir=/cache --cache-sizeGB=99 --push-gateway=pushgateway --serve-metrics=true
        """,
    "openshift": """
        --cache-dir=/cache --cache-sizeGB=19
        --legacy-disable-disk-cache-partitions-by-auth-header=false
        --get-throttling-time-ms=150 --throttling-time-ms=400 --throttling-time-v4-ms=675
        --throttling-max-delay-duration-seconds=51
        --throttling-max-delay-duration-v4-seconds=150 --request-timeout=151 --concurrency=1000
        """,
    "openshift with Redis": """
        --redis-address=redis.ci:6379
        --legacy-disable-disk-cache-partitions-by-auth-header=false --concurrency=8
        """,
    "Prow's example": """
        --cache-dir=/cache --cache-sizeGB=10
        --legacy-disable-disk-cache-partitions-by-auth-header=false
        --get-throttling-time-ms=300 --throttling-time-ms=900 --throttling-time-v4-ms=850
        --throttling-max-delay-duration-seconds=45
        --throttling-max-delay-duration-v4-seconds=110 --request-timeout=120 --concurrency=1000
        """,
}

LACKING = {
    "kubernetes, kubevirt, gardener, starter": ("--push-gateway",),
    "openshift": THROTTLING,
    "openshift with Redis": ("--redis-address",),
    "Prow's example": THROTTLING,
}

SPELLINGS = [
    "--request-timeout=5 --concurrency=7 --log-level=info",
    "-request-timeout=5 -concurrency=7 -log-level=info",
    "--request-timeout 5 --concurrency 7 --log-level info",
    "-request-timeout 5 -concurrency 7 -log-level info",
    "--serve-metrics -legacy-disable-disk-cache-partitions-by-auth-header",
    "--serve-metrics=true --legacy-disable-disk-cache-partitions-by-auth-header=false",
    "-serve-metrics=T -legacy-disable-disk-cache-partitions-by-auth-header=F",
    "--serve-metrics=1 --profile-memory-usage=FALSE",
    "--push-gateway= --push-gateway-interval=1m0s --redis-address= --throttling-time-ms=0",
    "--memory-profile-interval=1h2m3.5s --concurrency=0x10 --request-timeout=3 --request-timeout=5",
]


@pytest.mark.parametrize("line", SPELLINGS)
def test_every_spelling_that_go_reads_starts(github, line):
    with ghproxy(github.url, *shlex.split(line)) as proxy:
        assert ask(proxy.url, "/zen", token=github.token()).status == 200
    assert proxy.process.returncode == 0


def arguments_of(name, directory):
    return shlex.split(DEPLOYMENTS[name].replace("=/cache", f"={directory}/cache"))


@pytest.mark.parametrize("name", sorted(DEPLOYMENTS.keys() - LACKING.keys()))
def test_a_deployments_arguments_start_as_they_are(github, tmp_path, name):
    with ghproxy(github.url, *arguments_of(name, tmp_path)) as proxy:
        modes = [ask(proxy.url, "/user", token=github.token()).mode for _ in range(2)]
    assert modes == ["MISS", "REVALIDATED"]
    assert (tmp_path / "cache").is_dir()


@pytest.mark.parametrize("name", LACKING)
def test_arguments_whose_feature_is_lacking_are_named_and_never_ignored(tmp_path, name):
    arguments = ["--port=0", "--host=127.0.0.1", *arguments_of(name, tmp_path)]
    command = [sys.executable, "-m", "ghproxy", *arguments]
    ended = subprocess.run(command, capture_output=True, text=True, cwd=CHECKOUT, timeout=30)

    assert ended.returncode == 2
    told = ended.stderr.splitlines()
    assert sorted(each.split()[1].rstrip(":") for each in told) == sorted(LACKING[name])
    assert all("later version" in each for each in told)


def test_health_and_metrics_are_where_probes_and_scrapes_look(proxy):
    for path in ("/healthz", "/healthz/ready"):
        got = ask(proxy.health_url, path)
        assert (got.status, got.content) == (200, b"OK")
    scrape = ask(proxy.metrics_url, "/metrics", ("Accept", "application/openmetrics-text"))
    assert scrape.status == 200
    assert scrape.value("content-type") == "text/plain; version=0.0.4; charset=utf-8"


@pytest.mark.parametrize(
    "path", ["/metrics", "/healthz", "/healthz/ready", "/debug/pprof/", "/favicon.ico", "/"]
)
def test_nothing_on_the_main_port_is_reserved(github, proxy, path):
    got = ask(proxy.url, path, token=github.token())
    direct = ask(github.url, path, token=github.token())
    assert (got.status, got.content) == (direct.status, direct.content)
    assert [entry["target"] for entry in github.journal()] == [path, path]


def test_none_of_prows_own_requests_is_unmatched(github, proxy):
    token = github.token()
    for path in PATHS.split():
        ask(proxy.url, path, token=token)
    samples = proxy.metrics()
    labels = {name.partition('path="')[2].partition('"')[0] for name in samples if 'path="' in name}
    assert "unmatched" not in labels
    assert not {label for label in labels if "acme" in label or "anvil" in label}
    assert {
        "/repos/:owner/:repo/pulls/:pullId/requested_reviewers",
        "/repos/:owner/:repo/pulls/:pullId/merge",
        "/repos/:owner/:repo/statuses/:statusId",
        "/search/issues",
    } <= labels  # which alert rules name


def test_the_time_until_a_reset_is_in_nanoseconds(github, proxy):
    got = ask(proxy.url, "/user", token=github.token())
    reset_at, date = int(got.value("x-ratelimit-reset")), ask(github.control_url, "/clock")
    seconds = reset_at - json.loads(date.content)["now"]
    (value,) = (
        value for name, value in proxy.metrics().items() if name.startswith("github_token_reset{")
    )
    assert value == pytest.approx(seconds * 1e9, abs=10e9)
