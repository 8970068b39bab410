"""Entity tags by GitHub's algorithm, and conditions (github-api.md 3.2, 3.4)."""

import hashlib

from ghproxy.simulator.entity_tags import matches, opaque_tag
from tests.simulator.driver import GZIP, PLAIN, Stage, play, shared


def test_every_known_pair_of_content_and_tag_is_reproduced():
    vectors = shared("etag_vectors.json")
    assert vectors
    for vector in vectors:
        fields = {name: value.encode() for name, value in vector["request_fields"].items()}
        tag = opaque_tag(vector["content"].encode(), fields, vector["vary"] or ())
        assert tag.decode() == vector["opaque_tag"], vector["name"]


def test_a_field_that_vary_does_not_name_is_not_hashed():
    assert opaque_tag(b"[]", {"authorization": b"token x"}, {"accept"}) == opaque_tag(b"[]", {}, ())


def test_conditions_match_weakly_in_lists_and_by_star():
    assert matches(b'"abc"', b"abc")
    assert matches(b'W/"abc"', b"abc")
    assert matches(b'"x", W/"abc" ,"y"', b"abc")
    assert matches(b" * ", b"abc")
    assert not matches(b'"x", W/"ab"', b"abc")
    assert not matches(b"abc", b"abc")


def test_the_tag_of_an_authorised_answer_hashes_accept_and_authorization():
    async def scene(stage: Stage) -> None:
        answer = await stage.get("/repos/acme/anvil", Accept="application/json", **PLAIN)
        token = stage.tokens["personal:ada"]
        prefix = f"application/json:Bearer {token}:".encode()
        expected = hashlib.sha256(prefix + answer.content).hexdigest()
        assert answer.headers["etag"] == f'"{expected}"'

    play(scene)


def test_the_tag_for_the_anonymous_and_for_a_jwt_hashes_accept_only():
    async def scene(stage: Stage) -> None:
        for label, path in ((None, "/repos/acme/anvil"), ("app_jwt", "/app")):
            answer = await stage.get(path, label, Accept="*/*", **PLAIN)
            expected = hashlib.sha256(b"*/*:" + answer.content).hexdigest()
            assert answer.headers["etag"] == f'"{expected}"'

    play(scene)


def test_token_and_bearer_are_one_credential_with_two_tags():
    async def scene(stage: Stage) -> None:
        token = stage.tokens["personal:ada"]
        answers = [
            await stage.get("/user", None, Authorization=f"{scheme} {token}")
            for scheme in ("Bearer", "token")
        ]
        assert answers[0].json() == answers[1].json()
        assert answers[0].headers["etag"] != answers[1].headers["etag"]

    play(scene)


def test_the_tag_is_weak_when_compressed_strong_when_not_and_strong_on_304():
    async def scene(stage: Stage) -> None:
        zipped = await stage.get("/repos/acme/anvil", **GZIP)
        plain = await stage.get("/repos/acme/anvil", **PLAIN)
        assert zipped.headers["content-encoding"] == "gzip"
        assert zipped.headers["etag"] == "W/" + plain.headers["etag"]
        current = await stage.get("/repos/acme/anvil", **GZIP, If_None_Match=zipped.headers["etag"])
        assert current.status_code == 304
        assert current.headers["etag"] == plain.headers["etag"]
        assert current.content == b""

    play(scene)


def test_pretty_printing_for_curl_comes_after_hashing():
    async def scene(stage: Stage) -> None:
        plain = await stage.get("/repos/acme/anvil", **PLAIN)
        for agent in ("curl/8.0", "Wget/1.2", "Mozilla Safari/1", "Mozilla Firefox/1"):
            pretty = await stage.get("/repos/acme/anvil", **PLAIN, User_Agent=agent)
            assert pretty.text.startswith('{\n  "id": ')
            assert pretty.text.endswith("}\n")
            assert pretty.headers["etag"] == plain.headers["etag"]
            assert pretty.json() == plain.json()

    play(scene)


def test_contents_have_the_git_name_as_tag_whatever_the_media_type_and_the_token():
    async def scene(stage: Stage) -> None:
        path = "/repos/acme/anvil/contents/README.md"
        shown = await stage.get(path, **PLAIN)
        raw = await stage.get(path, "oauth:ben", **PLAIN, Accept="application/vnd.github.raw")
        size = len(raw.content)
        name = hashlib.sha1(b"blob %d\0" % size + raw.content, usedforsecurity=False).hexdigest()
        assert shown.json()["sha"] == name
        assert shown.headers["etag"] == raw.headers["etag"] == f'"{name}"'
        assert shown.headers["last-modified"] == raw.headers["last-modified"]
        empty = await stage.get("/repos/acme/anvil/contents/EMPTY", **PLAIN)
        assert empty.headers["etag"] == '"e69de29bb2d1d6434b8b29ae775ad8c2e48c5391"'
        crossed = await stage.get(path, If_None_Match=raw.headers["etag"])
        assert crossed.status_code == 304

    play(scene)


def test_a_304_replaces_only_what_is_current():
    async def scene(stage: Stage) -> None:
        path = "/repos/acme/anvil/issues/1/comments"
        before = (await stage.get(path)).headers["etag"]
        await stage.send("POST", path, value={"body": "Beep."})
        after = await stage.get(path, If_None_Match=before)
        assert after.status_code == 200
        assert after.headers["etag"] != before
        assert after.json()[-1]["body"] == "Beep."
        again = await stage.get(path, If_None_Match=f'"other", {after.headers["etag"]}')
        assert again.status_code == 304
        assert (await stage.get(path, If_None_Match="*")).status_code == 304

    play(scene)


def test_search_and_rate_limit_have_no_tag_and_ignore_conditions():
    async def scene(stage: Stage) -> None:
        for path in ("/rate_limit", "/search/issues?q=repo:acme/anvil"):
            answer = await stage.get(path, If_None_Match="*")
            assert answer.status_code == 200
            assert "etag" not in answer.headers
            assert answer.headers["cache-control"] == "no-cache"

    play(scene)


def test_if_modified_since_decides_only_without_if_none_match():
    async def scene(stage: Stage) -> None:
        answer = await stage.get("/repos/acme/anvil")
        since = answer.headers["last-modified"]
        path = "/repos/acme/anvil"
        assert (await stage.get(path, If_Modified_Since=since)).status_code == 304
        both = await stage.get(path, If_Modified_Since=since, If_None_Match='"other"')
        assert both.status_code == 200
        epoch = "Thu, 01 Jan 1970 00:00:00 GMT"
        assert (await stage.get(path, If_Modified_Since=epoch)).status_code == 200
        assert (await stage.get(path, If_Modified_Since="yesterday")).status_code == 200

    play(scene)


def test_one_page_knows_nothing_of_the_next_that_appears():
    """The pagination hole: the tag of a full last page does not change when page 3 comes."""

    async def scene(stage: Stage) -> None:
        path = "/repos/acme/glue/issues?state=all&direction=asc&per_page=30&page=2"
        last = await stage.get(path)
        assert len(last.json()) == 30
        assert "next" not in last.links
        await stage.order("PATCH", "/world", {"repository": "acme/glue", "add_issues": 1})
        hidden = await stage.get(path, If_None_Match=last.headers["etag"])
        assert hidden.status_code == 304
        assert "link" not in hidden.headers
        assert "next" in (await stage.get(path)).links

    play(scene)
