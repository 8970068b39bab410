import hashlib
import importlib.machinery
import importlib.util
import re
from pathlib import Path
from types import ModuleType

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghproxy.core import path_template as known
from ghproxy.core.path_template import (
    UNMATCHED,
    path_template,
    path_templates,
    rest_templates,
)
from ghproxy.core.rest_paths import OUTLINE

ROOT = Path(__file__).resolve().parents[2]
SHARED = ROOT.parent / "shared" / "data"


def lines_of(name: str) -> list[str]:
    path = SHARED / name
    if not path.exists():
        pytest.skip(f"{name} is not beside this checkout")
    return path.read_text().splitlines()


def filled(template: str, value: str = "4a-b.c") -> bytes:
    return re.sub(r":[\w-]+(\.\.\.:\w+)?", value, template).encode()


# Prow's strings


def test_each_of_prows_strings_is_given_byte_for_byte() -> None:
    for line in lines_of("prow_metric_paths.txt"):
        template = line.split()[0]
        assert path_template(filled(template)) == template


def test_prows_strings_never_change() -> None:
    strings = "\n".join(sorted(known._labels(known._PROW)))
    assert strings.count("\n") == 287
    digest = hashlib.sha256(strings.encode()).hexdigest()
    assert digest == "2ac735c665e43d1db29e83e8a4631ddd5e0c51963f50b69c803596808c086c24"


def test_where_prow_takes_the_rest_of_a_path_so_do_we() -> None:
    greedy = [line.split()[0] for line in lines_of("prow_metric_paths.txt") if " greedy" in line]
    assert greedy
    for template in greedy:
        assert path_template(filled(template) + b"/more/of/it") == template


@pytest.mark.parametrize(
    ("target", "template"),
    [
        # The path literals that public alert rules quote.
        (
            "/repos/kubernetes/test-infra/pulls/7/requested_reviewers",
            "/repos/:owner/:repo/pulls/:pullId/requested_reviewers",
        ),
        ("/search/issues?q=is:pr+org:kubernetes", "/search/issues"),
        ("/repos/a/b/pulls/7/merge", "/repos/:owner/:repo/pulls/:pullId/merge"),
        ("/repos/a/b/statuses/0123abc", "/repos/:owner/:repo/statuses/:statusId"),
        # Prow's tree answers first, even where GitHub's description has a literal of its own.
        ("/repos/a/b/releases/latest", "/repos/:owner/:repo/releases/:releaseId"),
        ("/user/repos", "/user/:id"),
        # Literals before variables, and back to the variable where the literal leads nowhere.
        ("/repos/a/b/issues/comments/9", "/repos/:owner/:repo/issues/comments/:commentId"),
        ("/repos/a/b/issues/comments/lock", "/repos/:owner/:repo/issues/comments/:commentId"),
        ("/user/email/repos", "/user/:id/repos"),
        ("/", "/"),
        ("/repos/only-an-owner", "/repos/:owner"),
    ],
)
def test_prows_tree_decides_first(target: str, template: str) -> None:
    assert path_template(target.encode()) == template


def test_any_path_that_prows_tree_takes_gets_prows_string() -> None:
    lines = [line.split() for line in lines_of("prow_metric_paths.txt")]
    forms = {
        template: re.compile(
            re.sub(r":\w+", "[^/]*", re.sub(r":\w+$", ".*", template) if greedy else template)
        )
        for template, *greedy in lines
    }
    words = {part for template in forms for part in template.split("/")[1:] if part[:1] != ":"}

    def by_prow(path: str) -> str | None:
        """Of the templates that fit, the one with its literals first."""
        fitting = [template for template, form in forms.items() if form.fullmatch(path)]
        return min(
            fitting,
            key=lambda template: [part.startswith(":") for part in template.split("/")],
            default=None,
        )

    segment = st.sampled_from(sorted(words)) | st.sampled_from(["x", "1", "a%2Fb"])
    beginnings = ["", "repos/o/r", "repositories/1", "orgs/o", "organizations/1", "user", "teams/1"]

    @given(st.sampled_from(beginnings), st.lists(segment, max_size=6), st.sampled_from(["", "/"]))
    @settings(max_examples=1500, deadline=None, derandomize=True)
    def check(beginning: str, rest: list[str], end: str) -> None:
        path = "/" + "/".join(filter(None, [beginning, *rest]))
        path += end if path != "/" else ""
        expected = by_prow(path)
        if expected is not None:
            assert path_template(path.encode()) == expected

    check()


PATHS_PROW_ASKS_FOR = """
/orgs/o/failed_invitations /orgs/o/hooks /orgs/o/hooks/1 /orgs/o/installations
/orgs/o/invitations/1 /orgs/o/projects /orgs/o/teams/t /orgs/o/teams/t/invitations
/orgs/o/teams/t/members /orgs/o/teams/t/memberships/u /orgs/o/teams/t/repos
/orgs/o/teams/t/repos/o/r /projects/1/columns /projects/columns/1/cards /projects/columns/cards/1
/projects/columns/cards/1/moves /repos/o/r/actions/runs /repos/o/r/actions/runs/1/approve
/repos/o/r/actions/runs/1/rerun /repos/o/r/actions/runs/1/rerun-failed-jobs
/repos/o/r/check-runs /repos/o/r/check-runs/1 /repos/o/r/git/refs/tags/v1
/repos/o/r/hooks/1 /repos/o/r/installation /repos/o/r/invitations /repos/o/r/invitations/1
/repos/o/r/issues/comments/1/reactions /repos/o/r/projects /repos/o/r/pulls/1/update-branch
/user/memberships/orgs /user/memberships/orgs/o /user/repository_invitations/1
/repos/o/r/contents/a/b /repos/o/r/branches/feature/x /repos/o/r/git/ref/heads/main
/repos/o/r/labels/kind/bug /repos/o/r/issues/1/labels/kind/bug
/repos/o/r/branches/feature/x/protection /repos/o/r/commits/feature/x/status
/app /app/installations /app/installations/1/access_tokens /rate_limit /graphql
"""


@pytest.mark.parametrize("target", PATHS_PROW_ASKS_FOR.split())
def test_nothing_that_prow_asks_for_is_unmatched(target: str) -> None:
    assert path_template(target.encode()) != UNMATCHED


# GitHub's description, and what it lacks


def test_every_operation_of_github_is_matched() -> None:
    operations = lines_of("github_rest_paths.txt")
    assert len(operations) == 1223
    for operation in operations:
        target = re.sub(r"\{[^}]+\}", "4a-b.c", operation.split()[1])
        assert path_template(target.encode()) != UNMATCHED, operation


def test_the_outline_holds_exactly_githubs_paths() -> None:
    described = {line.split()[1] for line in lines_of("github_rest_paths.txt")}
    ours = {re.sub(r":([\w-]+)", r"{\1}", template) for template in rest_templates(OUTLINE)}
    assert ours == described


def test_every_label_is_given_for_its_own_paths_and_no_other_label_exists() -> None:
    labels = path_templates()
    assert {path_template(filled(label)) for label in labels} == labels
    described = {path_template(filled(template)) for template in rest_templates(OUTLINE)}
    assert described <= labels


def test_a_described_path_keeps_githubs_names_where_prow_has_none() -> None:
    assert path_template(b"/orgs/a/teams/b/members") == "/orgs/:org/teams/:team_slug/members"


def test_of_two_names_for_one_shape_the_first_is_the_label() -> None:
    template = "/orgs/:org/attestations/:attestation_id"
    assert template in path_templates()
    assert path_template(filled("/orgs/:org/attestations/:subject_digest")) == template


@pytest.mark.parametrize(
    ("target", "template"),
    [
        ("/repos/a/b/contents/x/y/z.md", "/repos/:owner/:repo/contents/:contentId"),
        ("/repos/a/b/contents/", "/repos/:owner/:repo/contents/:contentId"),
        ("/repos/a/b/branches/f/x", "/repos/:owner/:repo/branches/:branch"),
        ("/repos/a/b/branches/f/x/protection", "/repos/:owner/:repo/branches/:branch/protection"),
        ("/repos/a/b/branches/f/x/rename", "/repos/:owner/:repo/branches/:branch/rename"),
        ("/repos/a/b/git/ref/heads/f/x", "/repos/:owner/:repo/git/ref/:refId"),
        ("/repos/a/b/git/refs/heads/f/x", "/repos/:owner/:repo/git/refs/heads/:ref"),
        ("/repos/a/b/git/refs/tags/v1", "/repos/:owner/:repo/git/refs/:ref"),
        ("/repos/a/b/compare/main...f/x", "/repos/:owner/:repo/compare/:sha"),
        ("/repos/a/b/commits/f/x/check-suites", "/repos/:owner/:repo/commits/:ref/check-suites"),
        ("/repos/a/b/labels/kind/bug", "/repos/:owner/:repo/labels/:labelId"),
        ("/repos/a/b/releases/tags/cmd/v1", "/repos/:owner/:repo/releases/tags/:tag"),
        ("/repositories/1/contents/x/y", "/repositories/:repoId/contents/:contentId"),
        ("/repositories/1/actions/runs/2/jobs", "/repositories/:repoId/actions/runs/:run_id/jobs"),
        ("/organizations/1/hooks/2", "/organizations/:orgId/hooks/:hook_id"),
        (
            "/organizations/1/team/2/repos/o/r",
            "/organizations/:orgId/team/:teamId/repos/:owner/:repo",
        ),
        ("/user/1/starred", "/user/:id/starred"),
        ("/login/oauth/access_token", "/login/oauth/access_token"),
        ("/projects/columns/cards/5", "/projects/columns/cards/:card_id"),
        (
            "/projects/5/collaborators/u/permission",
            "/projects/:project_id/collaborators/:username/permission",
        ),
    ],
)
def test_what_the_description_lacks_is_known(target: str, template: str) -> None:
    assert path_template(target.encode()) == template


# Forms of a target


@pytest.mark.parametrize(
    ("target", "template"),
    [
        ("/repos/a/b?per_page=1", "/repos/:owner/:repo"),
        ("/?x=/repos/a/b", "/"),
        ("/repos/a/b/", "/repos/:owner/:repo"),
        ("/orgs/a/rulesets/", "/orgs/:org/rulesets"),
        ("/orgs/a/teams/", "/orgs/:orgname/teams"),
        ("/repos/a/b/labels/kind%2Fbug", "/repos/:owner/:repo/labels/:labelId"),
        ("/repos/a%2Fb", "/repos/:owner"),
        ("/api/v3", "/"),
        ("/api/v3/", "/"),
        ("/api/v3/repos/a/b/pulls/1", "/repos/:owner/:repo/pulls/:pullId"),
        ("/api/graphql", "/graphql"),
        ("/api/graphql?x", "/graphql"),
        ("/api/v3/api/v3/repos/a/b", UNMATCHED),
        ("/api/v33/repos/a/b", UNMATCHED),
        ("/api/v3xrepos/a/b", UNMATCHED),
        ("/graphql/more", UNMATCHED),
        ("/Repos/a/b", UNMATCHED),
    ],
)
def test_a_target_is_read_as_sent(target: str, template: str) -> None:
    assert path_template(target.encode()) == template


@pytest.mark.parametrize(
    "target",
    [
        b"",
        b"*",
        b"repos/a/b",
        b"//",
        b"//repos/a/b",
        b"/repos//b",
        b"/repos/a/b//issues",
        b"https://api.github.com/repos/a/b",
        b"\xff\xfe",
        b"/\x00",
        b"/repos/a/b/issues/1/labels/" + b"x/" * 100,
        b"/repos/a/b/contents/" + b"x" * 5000,
        b"/" * 16_000,
        b"/repos/a/b/nothing/such",
        b"/:owner",
    ],
)
def test_a_target_of_no_known_form_is_unmatched(target: bytes) -> None:
    assert path_template(target) == UNMATCHED


def test_a_label_never_carries_what_a_client_sent() -> None:
    hostile = b'/repos/"}evil{/\n\xff/issues/<script>/labels/ghp_secret/x'
    assert path_template(hostile) == "/repos/:owner/:repo/issues/:issueId/labels/:labelId"


def test_long_paths_are_read_but_not_remembered() -> None:
    target = b"/repos/a/b/contents/" + b"y" * 1000
    assert path_template(target) == path_template(target)
    assert path_template(target) == "/repos/:owner/:repo/contents/:contentId"


# The script that writes the outline


def script() -> ModuleType:
    path = ROOT / "scripts" / "generate-path-templates"
    loader = importlib.machinery.SourceFileLoader("generate_path_templates", str(path))
    spec = importlib.util.spec_from_loader(loader.name, loader)
    assert spec is not None
    module = importlib.util.module_from_spec(spec)
    loader.exec_module(module)
    return module


def test_the_script_writes_the_module_that_is_read() -> None:
    written = (ROOT / "ghproxy" / "core" / "rest_paths.py").read_text()
    assert script().module(rest_templates(OUTLINE)) == written


def test_the_script_turns_braces_into_colons() -> None:
    assert script().template("/a/{b-c}/{d}...{e}") == "/a/:b-c/:d...:e"


@pytest.mark.parametrize(
    "templates",
    [["/"], ["/", "/a"], ["/a", "/a/b"], ["/a/:b", "/a/:b/c", "/a/d", "/e/:b"]],
)
def test_an_outline_reads_back_as_written(templates: list[str]) -> None:
    assert list(rest_templates(script().outline(templates))) == sorted(
        templates, key=lambda template: template.split("/")
    )
