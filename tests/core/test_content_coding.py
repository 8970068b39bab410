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
    "content", [b"", b"{}", gzip.compress(b"x")[:-1], gzip.compress(b"x") + b"y"]
)
def test_only_one_whole_stream_is_intact(content):
    assert is_intact(gzip.compress(b"x"))
    assert not is_intact(content)


def test_bytes_after_the_end_are_damage_in_a_later_piece_too():
    decoder = Gunzip()
    assert b"".join(decoder.feed(gzip.compress(b"x"))) == b"x"
    with pytest.raises(ValueError, match="follows"):
        list(decoder.feed(b"y"))
