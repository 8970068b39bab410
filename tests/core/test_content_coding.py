import gzip

import pytest

from ghproxy.core.content_coding import Gunzip, accepts_gzip, gunzip, is_gzip, is_intact


@pytest.mark.parametrize(
    ("accept_encoding", "accepted"),
    [
        (b"gzip", True),
        (b"GZIP", True),
        (b"x-gzip", True),
        (b"br, gzip;q=0.1", True),
        (b"gzip;q=1", True),
        (b"gzip ; q=0.001", True),
        (b"*", True),
        (b"gzip;q=0", False),
        (b"gzip; q=0.000", False),
        (b"*, gzip;q=0", False),
        (b"gzip;q=0, *", False),
        (b"*;q=0", False),
        (b"br", False),
        (b"identity", False),
        (b"", False),
    ],
)
def test_gzip_is_given_to_those_who_ask_for_it(accept_encoding, accepted):
    assert accepts_gzip(((b"accept-encoding", accept_encoding),)) is accepted


def test_without_accept_encoding_github_sends_identity():
    assert not accepts_gzip(())


def test_gzip_under_another_coding_is_not_gzip():
    assert is_gzip(((b"content-encoding", b"gzip"),))
    assert not is_gzip(((b"content-encoding", b"gzip"), (b"content-encoding", b"br")))
    assert not is_gzip(())


def test_a_bomb_uncompresses_in_bounded_steps():
    pieces = gunzip(gzip.compress(bytes(50_000_000)))
    assert max(len(piece) for piece in pieces) <= 262_144


@pytest.mark.parametrize(
    "content",
    [
        b"{}",
        gzip.compress(b"x")[:-1],
        gzip.compress(b"x") + b"y",
        gzip.compress(b"x") + gzip.compress(b"y")[:-1],
    ],
)
def test_only_whole_members_are_intact(content):
    assert is_intact(content) is False


def test_several_members_are_one_content_and_nothing_is_one_too():
    assert b"".join(gunzip(gzip.compress(b"x") + gzip.compress(b"y"))) == b"xy"
    assert is_intact(gzip.compress(b"x") + gzip.compress(b"y")) is True
    assert is_intact(b"") is True


def test_content_that_grows_beyond_the_limit_is_left_undecided():
    assert is_intact(gzip.compress(bytes(1000)), 999) is None
    assert is_intact(gzip.compress(bytes(1000)), 1000) is True


def test_members_may_arrive_in_any_pieces():
    content = gzip.compress(b"x" * 1000) + gzip.compress(b"y")
    for size in (1, 7, len(gzip.compress(b"x" * 1000))):
        decoder = Gunzip()
        pieces = [content[start : start + size] for start in range(0, len(content), size)]
        assert b"".join(b for piece in pieces for b in decoder.feed(piece)) == b"x" * 1000 + b"y"
        decoder.finish()


def test_bytes_after_the_end_are_damage_in_a_later_piece_too():
    decoder = Gunzip()
    assert b"".join(decoder.feed(gzip.compress(b"x"))) == b"x"
    with pytest.raises(ValueError, match="damaged"):
        list(decoder.feed(b"y" * 20))
