"""How single values are written: Go's spellings, URLs, hosts, sizes, words, paths."""

import pytest

from ghproxy.config.addresses import host_from_text, may_be_same_host, origin_from_url
from ghproxy.config.go_values import (
    boolean_from_go,
    go_from_nanoseconds,
    integer_from_go,
    nanoseconds_from_go,
)
from ghproxy.config.kinds import BOOLEAN, DURATION, HOST, TEXT, URL, choice, path, size, whole
from ghproxy.upstream.base import OriginAddress

SECOND = 10**9


@pytest.mark.parametrize("text", ["1", "t", "T", "TRUE", "true", "True"])
def test_go_has_six_spellings_of_true(text):
    assert boolean_from_go(text) is True


@pytest.mark.parametrize("text", ["0", "f", "F", "FALSE", "false", "False"])
def test_go_has_six_spellings_of_false(text):
    assert boolean_from_go(text) is False


@pytest.mark.parametrize("text", ["", "yes", "no", "on", "tRUE", "2", " true"])
def test_no_other_word_is_a_boolean(text):
    with pytest.raises(ValueError, match="not a boolean"):
        boolean_from_go(text)


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("8888", 8888),
        ("+7", 7),
        ("-7", -7),
        ("1_000", 1000),
        ("0x22b8", 8888),
        ("0X22_B8", 8888),
        ("0x_1", 1),
        ("0b101", 5),
        ("0o17", 15),
        ("010", 8),
        ("0_10", 8),
        ("9223372036854775807", 2**63 - 1),
    ],
)
def test_integers_are_read_as_go_reads_them(text, number):
    assert integer_from_go(text) == number


@pytest.mark.parametrize(
    "text",
    ["", "+", "1.0", "1e3", "08", "1__0", "_1", "1_", "0x", "0xg", " 1", "1 ", "\u0661", "--1"],
)
def test_what_go_does_not_read_as_an_integer_is_none(text):
    with pytest.raises(ValueError, match="not a whole number"):
        integer_from_go(text)


@pytest.mark.parametrize("text", ["9223372036854775808", "1" * 5000, "0x" + "f" * 40])
def test_an_integer_beyond_64_bits_is_out_of_range(text):
    with pytest.raises(ValueError, match="out of range"):
        integer_from_go(text)


@pytest.mark.parametrize(
    ("text", "nanoseconds"),
    [
        ("0", 0),
        ("-0", 0),
        ("0s", 0),
        ("1m", 60 * SECOND),
        ("1h30m", 5400 * SECOND),
        ("500ms", SECOND // 2),
        ("1.5s", 3 * SECOND // 2),
        (".5s", SECOND // 2),
        ("1.s", SECOND),
        ("-2s", -2 * SECOND),
        ("+2s", 2 * SECOND),
        ("1us", 1000),
        ("1\u00b5s", 1000),
        ("1\u03bcs", 1000),
        ("7ns", 7),
        ("1m1m", 120 * SECOND),
        ("0.3333333333333333333333333h", 1_199_999_999_999),
    ],
)
def test_durations_are_read_as_go_reads_them(text, nanoseconds):
    assert nanoseconds_from_go(text) == nanoseconds


@pytest.mark.parametrize("text", ["", "-", "30", "s", ".s", "1", "1d", "1m ", "1 m", "1m30", "m1"])
def test_what_go_does_not_read_as_a_duration_is_none(text):
    with pytest.raises(ValueError, match="not a duration"):
        nanoseconds_from_go(text)


@pytest.mark.parametrize("text", ["2562048h", "9" * 5000 + "s"])
def test_a_duration_beyond_64_bits_is_out_of_range(text):
    with pytest.raises(ValueError, match="out of range"):
        nanoseconds_from_go(text)


@pytest.mark.parametrize("text", ["0s", "7ns", "500ms", "1m", "1m30s", "1h", "1h1m1s1ms1us1ns"])
def test_a_duration_is_written_as_it_is_read(text):
    assert go_from_nanoseconds(nanoseconds_from_go(text)) == text


@pytest.mark.parametrize(
    ("url", "scheme", "host", "port", "base_path"),
    [
        ("https://api.github.com", "https", "api.github.com", 443, b""),
        ("https://api.github.com/", "https", "api.github.com", 443, b""),
        ("HTTP://Example.COM", "http", "example.com", 80, b""),
        ("http://127.0.0.1:9/api/v3//", "http", "127.0.0.1", 9, b"/api/v3"),
        ("http://[::1]:8080/x", "http", "::1", 8080, b"/x"),
        ("http://[0:0::1]", "http", "::1", 80, b""),
        ("https://git_hub-1.internal.:443/A%20b", "https", "git_hub-1.internal.", 443, b"/A%20b"),
    ],
)
def test_an_upstream_url_gives_origin_and_base_path(url, scheme, host, port, base_path):
    assert origin_from_url(url) == (OriginAddress(scheme, host, port), base_path)


@pytest.mark.parametrize(
    ("url", "what"),
    [
        ("api.github.com", "scheme is missing"),
        ("", "scheme is missing"),
        ("ftp://api.github.com", "neither http nor https"),
        ("https://", "host is missing"),
        ("https:///x", "host is missing"),
        ("https://me:secret@api.github.com", "user name or password"),
        ("https://api.github.com?x=secret", "query or fragment"),
        ("https://api.github.com/#secret", "query or fragment"),
        ("https://api.github.com:", "port is missing"),
        ("https://api.github.com:0", "port is not"),
        ("https://api.github.com:65536", "port is not"),
        ("https://api.github.com:secret", "port is not"),
        ("https://api.github.com:+1", "port is not"),
        ("https://::1/", "host is not an IP address"),
        ("https://[::1", "host is not an IP address"),
        ("https://[127.0.0.1]", "host is not an IP address"),
        ("https://127.0.0.256", "host is not an IP address"),
        ("https://a b", "neither a host name"),
        ("https://-a", "neither a host name"),
        ("https://a..b", "neither a host name"),
        ("https://" + "a." * 130, "neither a host name"),
        ("https://b\u00fccher.example", "neither a host name"),
        ("https://a/x y", "percent-encoded"),
        ("https://a/x\\y", "percent-encoded"),
        ("https://a/%zz", "percent-encoded"),
        ("https://a/x/../y", "dot segment"),
        ("https://a/x/%2E%2e/y", "dot segment"),
        ("https://a/./y", "dot segment"),
        ("https://a/x//y", "dot segment"),
    ],
)
def test_a_bad_upstream_url_is_told_apart_and_not_repeated(url, what):
    with pytest.raises(ValueError, match=what) as caught:
        origin_from_url(url)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    ("text", "host"), [("[::1]", "::1"), ("::", "::"), ("10.0.0.1", "10.0.0.1"), ("a-b.c", "a-b.c")]
)
def test_a_host_is_a_name_or_an_address(text, host):
    assert host_from_text(text) == host


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        ("", "localhost", True),
        ("", "127.0.0.1", True),
        ("", "127.5.5.5", True),
        ("", "::1", True),
        ("", "0.0.0.0", True),
        ("::", "localhost.", True),
        ("0.0.0.0", "proxy.localhost", True),
        ("", "api.github.com", False),
        ("", "10.0.0.5", False),
        ("10.0.0.5", "10.0.0.5", True),
        ("10.0.0.5", "127.0.0.1", False),
        ("Proxy.internal", "proxy.internal", True),
        ("127.0.0.1", "localhost", True),
        ("localhost", "::1", True),
        ("127.0.0.1", "::1", False),
        ("127.0.0.1", "127.0.0.2", False),
        ("localhost", "10.0.0.5", False),
    ],
)
def test_our_own_address_is_recognised_by_its_spelling(ours, theirs, same):
    assert may_be_same_host(ours, theirs) is same


@pytest.mark.parametrize(
    ("kind", "text", "value"),
    [
        (BOOLEAN, "T", True),
        (whole(0, 65535), "65535", 65535),
        (whole(0, 65535), "0", 0),
        (size("GB", 10**9, 0.001), "99", 99),
        (size("GB", 10**9, 0.001), "0.5", 0.5),
        (size("GB", 10**9, 0.001), "5.0", 5),
        (size("GB", 10**9, 0.001), "0.001", 0.001),
        (size("GB", 10**9, 0.001), "1_000", 1000),
        (size("GB", 10**9, 0.001, may_be_zero=True), "0", 0),
        (DURATION, "60s", "1m"),
        (DURATION, "1ns", "1ns"),
        (choice(("disk", "memory")), "DISK", "disk"),
        (choice(("warning",), warn="warning"), "warn", "warning"),
        (TEXT, "", ""),
        (TEXT, "caf\u00e9", "caf\u00e9"),
        (path("DIR", ""), "/a b", "/a b"),
        (HOST, "", ""),
        (HOST, "[::1]", "::1"),
        (URL, "HTTPS://API.github.com:443/", "https://api.github.com"),
        (URL, "http://[::1]:81/v3/", "http://[::1]:81/v3"),
    ],
)
def test_a_kind_reads_what_it_allows(kind, text, value):
    assert kind.parse(text) == value


@pytest.mark.parametrize(
    ("kind", "text", "what"),
    [
        (BOOLEAN, "yes", '"yes" is not a boolean'),
        (whole(0, 65535), "x", '"x" is not a whole number'),
        (whole(0, 65535), "65536", '"65536" is out of range'),
        (whole(0, 65535), "-1", '"-1" is out of range'),
        (size("GB", 10**9, 0.001), "0", '"0" is too small'),
        (size("GB", 10**9, 0.001), "-1", "too small"),
        (size("GB", 10**9, 0.001), "0.0009", "too small"),
        (size("GB", 10**9, 0.001, may_be_zero=True), "0.0001", "too small"),
        (size("GB", 10**9, 0.001), "9223372037", "out of range"),
        (size("GB", 10**9, 0.001), "9" * 400 + ".0", "out of range"),
        (size("GB", 10**9, 0.001), "1GB", "not a number"),
        (size("GB", 10**9, 0.001), "nan", "not a number"),
        (size("GB", 10**9, 0.001), "inf", "not a number"),
        (size("GB", 10**9, 0.001), "1e3", "not a number"),
        (DURATION, "30", '"30" is not a duration'),
        (DURATION, "0", '"0" is not above 0'),
        (DURATION, "-1s", "not above 0"),
        (choice(("disk", "memory")), "tape", '"tape" is not one of its words'),
        (TEXT, "a\nb", "control character"),
        (TEXT, "a\udc80", "not UTF-8"),
        (path("DIR", ""), "/a\0b", "control character"),
        (path("DIR", ""), "~nobody-of-this-name/x", "home directory"),
        (HOST, "http://x", "host"),
        (HOST, "x:80", "host"),
        (URL, "x", "scheme"),
    ],
)
def test_a_kind_says_what_was_wrong(kind, text, what):
    with pytest.raises(ValueError, match=what):
        kind.parse(text)


def test_a_long_value_is_shortened_in_a_message():
    with pytest.raises(ValueError, match="is not a whole number") as caught:
        whole(0, 9).parse("x" * 5000)
    assert len(str(caught.value)) < 100


def test_a_tilde_is_the_home_directory(monkeypatch):
    monkeypatch.setenv("HOME", "/home/somebody")
    assert path("DIR", "").parse("~/cache") == "/home/somebody/cache"
