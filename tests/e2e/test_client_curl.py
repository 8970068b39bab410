"""curl through the proxy: bytes, conditions, uploads and errors are what GitHub gives it."""

import hashlib
import json
import subprocess
from typing import NamedTuple

import pytest

pytestmark = pytest.mark.needs("curl")

REPOSITORY = "/repos/acme/anvil"
ISSUES = REPOSITORY + "/issues?per_page=5"


class Ended(NamedTuple):
    exit_status: int
    status: int
    fields: dict[str, str]
    content: bytes
    told: str


@pytest.fixture
def curl(tmp_path):
    """Run curl with these arguments; the fields are those of the last answer, last line wins."""

    def run(*arguments, token=None):
        head, content = tmp_path / "head", tmp_path / "content"
        content.write_bytes(b"")
        command = ["curl", "-sS", "-v", "-D", head, "-o", content, "-w", "%{http_code}", *arguments]
        if token is not None:
            command += ["-H", f"Authorization: Bearer {token}"]
        ended = subprocess.run(command, capture_output=True, text=True, timeout=40)
        last = head.read_text().split("\n\n")[-2].splitlines()[1:]
        pairs = (line.partition(":") for line in last)
        fields = {name.lower(): value.strip() for name, _, value in pairs}
        return Ended(
            ended.returncode, int(ended.stdout), fields, content.read_bytes(), ended.stderr
        )

    return run


@pytest.mark.parametrize("coding", [[], ["--compressed"]], ids=["identity", "compressed"])
def test_the_second_reading_is_free_and_both_are_what_github_gives(github, proxy, curl, coding):
    token = github.token()
    agent = ["-A", "reader/1"]
    direct = curl(*coding, *agent, github.url + ISSUES, token=token)
    github.forget()

    rounds = [curl(*coding, *agent, proxy.url + ISSUES, token=token) for _ in range(2)]

    assert [each.fields["x-cache-mode"] for each in rounds] == ["MISS", "REVALIDATED"]
    assert [entry["charged"] for entry in github.journal()] == [1, 0]
    for each in rounds:
        assert each.content == direct.content
        assert each.fields["etag"] == direct.fields["etag"]
        assert each.fields.get("content-encoding") == direct.fields.get("content-encoding")


def test_curls_own_name_gets_the_same_document_unprinted_and_free(github, proxy, curl):
    """GitHub prints for curl after hashing, so what it stores under a tag would not be one text."""
    token = github.token()
    direct = curl(github.url + ISSUES, token=token)
    github.forget()

    rounds = [curl(proxy.url + ISSUES, token=token) for _ in range(2)]

    assert [json.loads(each.content) for each in rounds] == [json.loads(direct.content)] * 2
    assert rounds[0].content == rounds[1].content
    assert [entry["charged"] for entry in github.journal()] == [1, 0]


def test_head_is_answered_from_a_stored_get_with_its_fields(github, proxy, curl):
    token = github.token()
    got = curl(proxy.url + ISSUES, token=token)
    for _ in range(2):
        head = curl("--head", proxy.url + ISSUES, token=token)
        assert (head.status, head.fields["x-cache-mode"]) == (200, "REVALIDATED")
        assert "Excess found" not in head.told  # what curl says of content after it
        for name in ("etag", "content-length", "content-type", "link"):
            assert head.fields[name] == got.fields[name]
    assert github.charged() == 1


def test_etags_that_curl_saved_earn_a_free_304_warm_and_cold(github, proxy, curl, tmp_path):
    token = github.token()
    tag = tmp_path / "tag"
    other = REPOSITORY + "/labels"
    curl("--etag-save", tag, proxy.url + ISSUES, token=token)

    warm = curl("--etag-compare", tag, proxy.url + ISSUES, token=token)
    assert (warm.status, warm.content) == (304, b"")
    assert warm.fields["etag"] == tag.read_text().strip()

    curl("--etag-save", tag, github.url + other, token=token)
    github.forget()
    cold = curl("--etag-compare", tag, proxy.url + other, token=token)
    assert (cold.status, cold.content) == (304, b"")
    assert github.charged() == 0
    assert curl(proxy.url + other, token=token).status == 200


def test_a_post_makes_one_issue_and_is_relayed_as_it_came(github, proxy, curl):
    token = github.token()
    document = json.dumps({"title": "From curl", "body": "Hällo ☃"})

    made = curl("--json", document, f"{proxy.url}{REPOSITORY}/issues", token=token)

    assert (made.status, made.fields["x-cache-mode"]) == (201, "SKIP")
    assert json.loads(made.content)["body"] == "Hällo ☃"
    assert made.fields["location"].endswith(f"/issues/{json.loads(made.content)['number']}")
    assert [entry["method"] for entry in github.journal()] == ["POST"]


def test_an_upload_that_expects_100_continue_gets_it_and_arrives_whole(
    github, proxy, curl, tmp_path
):
    content = bytes(range(256)) * 8_192
    upload = tmp_path / "upload"
    upload.write_bytes(content)

    sent = curl(
        "-H", "Expect: 100-continue", "--data-binary", f"@{upload}",
        "-H", "Content-Type: application/octet-stream", f"{proxy.url}/simulator/echo",
    )  # fmt: skip

    assert sent.status == 200
    assert "< HTTP/1.1 100 Continue" in sent.told
    seen = json.loads(sent.content)
    assert seen["content_sha256"] == hashlib.sha256(content).hexdigest()
    assert "expect" not in {name.lower() for name, _ in seen["fields"]}


@pytest.mark.parametrize(
    ("status", "arguments"),
    [
        (404, ["/repos/acme/none"]),
        (422, [REPOSITORY + "/issues", "--json", "{}"]),
        (400, [REPOSITORY + "/issues", "--json", "{"]),
    ],
)
def test_githubs_errors_arrive_as_they_are(github, proxy, curl, status, arguments):
    token = github.token()
    target, *arguments = arguments
    direct = curl("-A", "reader/1", *arguments, github.url + target, token=token)
    assert direct.status == status
    for _ in range(2):
        through = curl("-A", "reader/1", *arguments, proxy.url + target, token=token)
        assert (through.status, through.content) == (status, direct.content)
        assert through.fields["content-type"] == direct.fields["content-type"]


def test_while_github_is_down_curl_fails_with_a_502_in_githubs_shape(orphan, curl):
    answer = curl(orphan.url + REPOSITORY)
    assert answer.status == 502
    assert answer.fields["content-type"] == "application/json; charset=utf-8"
    assert json.loads(answer.content).keys() == {"message", "documentation_url", "status"}
    assert curl("--fail", orphan.url + REPOSITORY).exit_status == 22
