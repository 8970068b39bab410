import pytest

from ghproxy.core.fields import pack, unpack
from ghproxy.core.stored import StoredHead
from ghproxy.core.stored_fields import freshened, is_momentary, kept_fields, momentary_fields

SHARED = (
    (b"content-type", b"application/json"),
    (b"vary", b"Accept"),
    (b"etag", b'W/"t"'),
    (b"vary", b"Accept-Encoding"),
    (b"link", b"<x>; rel=next"),
)
OWN = ((b"x-oauth-scopes", b"repo"),)


def head(shared=SHARED, own=OWN):
    return StoredHead(200, pack(shared), pack(own), b'W/"t"', b"", 0, 0.0, 0.0)


@pytest.mark.parametrize(
    "name",
    [b"date", b"age", b"set-cookie", b"x-ratelimit-remaining", b"x-github-request-id",
     b"x-github-sso", b"retry-after"],
)  # fmt: skip
def test_what_belongs_to_one_answer_is_not_kept(name):
    assert kept_fields(((name, b"x"),)) == (b"", b"")
    assert is_momentary(name)


@pytest.mark.parametrize(
    "name",
    [b"x-oauth-scopes", b"x-accepted-oauth-scopes", b"x-oauth-client-id",
     b"x-accepted-github-permissions", b"github-authentication-token-expiration"],
)  # fmt: skip
def test_what_speaks_of_the_credential_is_kept_apart(name):
    assert kept_fields(((name, b"x"), (b"etag", b"y"))) == (b"etag\ny", name + b"\nx")


def test_hop_by_hop_fields_and_what_they_nominate_are_not_kept():
    fields = ((b"connection", b"x-hop"), (b"x-hop", b"1"), (b"transfer-encoding", b"chunked"))
    assert kept_fields(fields) == (b"", b"")


def test_cookies_are_never_replayed():
    assert momentary_fields(((b"set-cookie", b"a"), (b"date", b"d"))) == ((b"date", b"d"),)


def test_a_304_that_repeats_what_is_known_changes_nothing():
    fields = ((b"vary", b"Accept"), (b"vary", b"Accept-Encoding"), (b"date", b"now"))
    assert freshened(head(), fields) == (None, None)


def test_a_304_that_says_nothing_changes_nothing():
    assert freshened(head(), ()) == (None, None)


@pytest.mark.parametrize(
    "line",
    [(b"content-length", b"0"), (b"content-type", b"text/html"), (b"content-encoding", b"br"),
     (b"content-range", b"x"), (b"etag", b'"t"'), (b"transfer-encoding", b"chunked")],
)  # fmt: skip
def test_a_304_never_redescribes_the_content(line):
    assert freshened(head(), (line,)) == (None, None)


def test_a_304_replaces_every_line_of_a_name_where_the_first_one_stood():
    shared, own = freshened(head(), ((b"vary", b"Accept, Accept-Encoding"),))
    assert own is None
    assert shared is not None
    assert unpack(shared) == (
        (b"content-type", b"application/json"),
        (b"vary", b"Accept, Accept-Encoding"),
        (b"etag", b'W/"t"'),
        (b"link", b"<x>; rel=next"),
    )


def test_a_304_may_bring_a_new_field_and_keeps_those_it_lacks():
    shared, own = freshened(head(), ((b"sunset", b"soon"), (b"x-oauth-scopes", b"repo, gist")))
    assert shared is not None
    assert own is not None
    assert unpack(shared) == (*SHARED, (b"sunset", b"soon"))
    assert unpack(own) == ((b"x-oauth-scopes", b"repo, gist"),)


def test_packing_is_reversible():
    assert unpack(pack(SHARED)) == SHARED
    assert unpack(pack(())) == ()
    assert unpack(pack(((b"a", b""),))) == ((b"a", b""),)
