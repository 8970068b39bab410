"""Errors that we make up: GitHub's shape, Prow's text, and RFC 9209's words."""

import msgspec
import pytest

from ghproxy.core.errors import TIMEOUTS, ProxyError, UpstreamError
from ghproxy.core.fields import first
from ghproxy.web.errors import (
    FAULTS,
    Fault,
    bad_gateway,
    error_response,
    go_duration,
    proxy_status,
    refusal,
    request_timed_out,
)


def test_an_error_has_githubs_members_in_githubs_order_and_its_own_length() -> None:
    answer = error_response(404, "Not Found", documentation_url="https://docs.github.com/rest")
    assert answer.content == (
        b'{"message":"Not Found","documentation_url":"https://docs.github.com/rest","status":"404"}'
    )
    assert first(answer.fields, b"content-type") == b"application/json; charset=utf-8"
    assert first(answer.fields, b"content-length") == b"%d" % len(answer.content)
    assert first(answer.fields, b"connection") is None
    assert first(answer.fields, b"proxy-status") is None


def test_an_error_is_never_cached_by_those_in_front_of_us() -> None:
    assert first(error_response(404, "x").fields, b"cache-control") == b"no-store"


def test_every_fault_has_words_and_closes() -> None:
    for fault in Fault:
        answer = refusal(fault)
        assert answer.status == FAULTS[fault].status
        assert first(answer.fields, b"connection") == b"close"
        assert msgspec.json.decode(answer.content)["message"] == FAULTS[fault].message
        status = first(answer.fields, b"proxy-status")
        assert status is not None
        kind = b"proxy_internal_error" if fault is Fault.INTERNAL else b"http_request_error"
        assert status.startswith(b"ghproxy; error=" + kind)


def test_a_refusal_may_say_more() -> None:
    content = msgspec.json.decode(refusal(Fault.FIELD_LINE, "No colon").content)
    assert content["message"] == "Malformed request head: No colon"


@pytest.mark.parametrize("kind", ProxyError)
def test_an_upstream_error_tells_what_happened(kind: ProxyError) -> None:
    answer = bad_gateway(UpstreamError(kind, "api.github.com:443 did not answer within 60 s"))
    status, phrase = (504, "Gateway Timeout") if kind in TIMEOUTS else (502, "Bad Gateway")
    assert answer.status == status
    content = msgspec.json.decode(answer.content)
    assert content["message"] == f"{phrase}: api.github.com:443 did not answer within 60 s"
    assert content["status"] == str(status)
    details = 'details="api.github.com:443 did not answer within 60 s"'
    assert first(answer.fields, b"proxy-status") == f"ghproxy; error={kind}; {details}".encode()


def test_details_cannot_break_out_of_their_string() -> None:
    status = proxy_status("dns_error", 'a "b\\" c\r\nset-cookie: d=\u00e4')
    assert status == b'ghproxy; error=dns_error; details="a \\"b\\\\\\" c??set-cookie: d=?"'


def test_the_time_out_is_prows_byte_for_byte() -> None:
    answer = request_timed_out(30)
    assert answer.status == 503
    assert answer.content == b"ghproxy timed out after 30s"
    assert first(answer.fields, b"content-type") == b"text/plain; charset=utf-8"


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (0, "0s"),
        (30, "30s"),
        (151, "2m31s"),
        (60, "1m0s"),
        (120, "2m0s"),
        (1.5, "1.5s"),
        (61.25, "1m1.25s"),
        (3600, "1h0m0s"),
        (3661, "1h1m1s"),
        (100 * 3600, "100h0m0s"),
        (0.25, "250ms"),
        (0.0015, "1.5ms"),
        (0.00001, "10µs"),
        (0.000000005, "5ns"),
        (0.1 + 0.2, "300ms"),
    ],
)
def test_durations_are_printed_as_go_prints_them(seconds: float, text: str) -> None:
    assert go_duration(seconds) == text
