import pytest

from ghproxy.core.forwarding import forwarded_fields, storable_request_fields

OURS = b"ghproxy/1"


@pytest.mark.parametrize(
    "name",
    [
        b"connection", b"keep-alive", b"proxy-authorization", b"proxy-connection", b"te",
        b"trailer",
        b"transfer-encoding", b"upgrade", b"host", b"content-length", b"expect", b"forwarded",
        b"x-forwarded-for", b"x-forwarded-host", b"x-http-method-override", b"x-original-url",
        b"x-rewrite-url", b"x-real-ip", b"x-prow-ghcache-token-budget-identifier",
        b"x-prow-token-expires-at", b"x_http_method_override", b"x_github_api_version",
    ],
)  # fmt: skip
def test_a_field_that_speaks_to_us_goes_no_further(name):
    assert forwarded_fields(((name, b"x"), (b"accept", b"y"))) == ((b"accept", b"y"),)


def test_fields_that_connection_nominates_go_no_further():
    fields = ((b"connection", b"close, X-Secret"), (b"x-secret", b"1"), (b"accept", b"y"))
    assert forwarded_fields(fields) == ((b"accept", b"y"),)


def test_everything_else_arrives_in_order_with_duplicates():
    fields = ((b"accept", b"a"), (b"via", b"1.1 x"), (b"accept", b"b"), (b"cookie", b"c"))
    assert forwarded_fields(fields) == fields


def test_a_storable_request_carries_the_caches_condition_and_not_the_clients():
    fields = (
        (b"if-none-match", b'"client"'),
        (b"if-modified-since", b"x"),
        (b"accept-encoding", b"br"),
        (b"user-agent", b"hook/1"),
    )
    assert storable_request_fields(fields, OURS, b'W/"ours"') == (
        (b"user-agent", b"hook/1"),
        (b"accept-encoding", b"gzip"),
        (b"if-none-match", b'W/"ours"'),
    )
    assert storable_request_fields(fields, OURS) == (
        (b"user-agent", b"hook/1"),
        (b"accept-encoding", b"gzip"),
    )


@pytest.mark.parametrize("agent", [b"curl/8", b"Wget/1", b"Mozilla/5.0 Safari/1", b"x Firefox/1"])
def test_agents_that_github_pretty_prints_for_do_not_choose_the_stored_form(agent):
    sent = storable_request_fields(((b"user-agent", agent),), OURS)
    assert (b"user-agent", OURS) in sent
    assert all(value != agent for _, value in sent)
    assert forwarded_fields(((b"user-agent", agent),)) == ((b"user-agent", agent),)
