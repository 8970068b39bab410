"""Frames and stores under arbitrary bytes and arbitrary histories."""

import asyncio
import tempfile
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ghproxy.core.stored import CacheKey, StoredHead, content_digest
from ghproxy.stores import codec
from tests.support.clock import FakeClock
from tests.support.stores import (
    KINDS,
    MEBIBYTE,
    directory_bytes,
    key,
    noise,
    opened,
    response,
    settle,
)

digests = st.binary(min_size=32, max_size=32)
keys = st.builds(CacheKey, resource=digests, partition=digests)
heads = st.builds(
    StoredHead,
    status=st.integers(100, 599),
    fields=st.binary(max_size=200),
    own_fields=st.binary(max_size=50),
    entity_tag=st.binary(max_size=70),
    content_digest=digests,
    content_bytes=st.integers(0, 2**40),
    stored_at=st.floats(0, 2**33),
    validated_at=st.floats(0, 2**33),
    is_reusable=st.booleans(),
)


def change(draw, frame):
    """The frame after something happened to it."""
    where = draw(st.integers(0, len(frame)))
    match draw(st.sampled_from(["flip", "cut", "drop", "insert", "replace"])):
        case "flip" if where < len(frame):
            return (
                frame[:where]
                + bytes([frame[where] ^ draw(st.integers(1, 255))])
                + frame[where + 1 :]
            )
        case "cut":
            return frame[:where]
        case "drop":
            return frame[:where] + frame[where + draw(st.integers(1, 40)) :]
        case "insert":
            return frame[:where] + draw(st.binary(min_size=1, max_size=40)) + frame[where:]
        case _:
            return draw(st.binary(max_size=300))


@given(keys, heads)
def test_a_framed_head_comes_back(cache_key, head):
    assert codec.head_from_frame(cache_key, codec.frame_from_head(cache_key, head)) == head


@given(st.binary(max_size=5000))
def test_framed_content_comes_back(content):
    digest = content_digest(content)
    assert codec.content_from_frame(digest, codec.frame_from_content(digest, content)) == content


@given(st.data(), keys, heads)
@settings(max_examples=400)
def test_a_changed_head_is_absent(data, cache_key, head):
    frame = codec.frame_from_head(cache_key, head)
    changed = change(data.draw, frame)
    assert codec.head_from_frame(cache_key, changed) == (head if changed == frame else None)


@given(st.data(), st.binary(max_size=500))
@settings(max_examples=400)
def test_changed_content_is_absent(data, content):
    digest = content_digest(content)
    frame = codec.frame_from_content(digest, content)
    changed = change(data.draw, frame)
    assert codec.content_from_frame(digest, changed) == (content if changed == frame else None)


@given(keys, keys, heads)
def test_a_head_under_another_key_is_absent(cache_key, other, head):
    frame = codec.frame_from_head(cache_key, head)
    assert codec.head_from_frame(other, frame) == (head if other == cache_key else None)


@given(digests, st.binary(max_size=500))
def test_content_under_another_digest_is_absent(digest, content):
    assert codec.content_from_frame(digest, codec.frame_from_content(digest, content)) is None


@given(keys, heads)
def test_frames_of_another_version_are_absent(cache_key, head):
    frame = codec.frame_from_head(cache_key, head)
    with pytest.MonkeyPatch.context() as later:
        later.setattr(codec, "VERSION", codec.VERSION + 1)
        assert codec.head_from_frame(cache_key, frame) is None
    assert codec.head_from_frame(cache_key, frame) == head


@given(digests, st.binary(max_size=100))
def test_one_kind_of_frame_is_not_the_other(digest, content):
    """A content whose bytes are a whole frame of a head stays content."""
    cache_key = CacheKey(digest, digest)
    head = codec.frame_from_head(cache_key, response(content).head)
    assert codec.content_from_frame(content_digest(head), head) is None
    framed = codec.frame_from_content(content_digest(head), head)
    assert codec.head_from_frame(cache_key, framed) is None


numbers = st.integers(0, 30)
steps = st.one_of(
    st.tuples(
        st.just("save"), numbers, st.integers(0, 12), st.sampled_from([0, 900, 40_000, 300_000])
    ),
    st.tuples(st.just("freshen"), numbers, st.integers(0, 1000)),
    st.tuples(st.just("load"), numbers),
    st.tuples(st.just("settle")),
    st.tuples(st.just("hour")),
)


@pytest.mark.parametrize("kind", KINDS)
@given(history=st.lists(steps, max_size=60))
@settings(max_examples=40, deadline=None)
def test_any_history(kind, history):
    """Never over the bound, never another key's or an older response, and what was just saved or
    freshened is there."""
    with tempfile.TemporaryDirectory() as place:
        asyncio.run(play(kind, Path(place) / "c", history))


async def play(kind, directory, history):
    clock = FakeClock()
    newest = {}
    async with opened(kind, directory, limit_bytes=4 * MEBIBYTE, clock=clock) as store:
        for step in history:
            match step:
                case "save", number, seed, size:
                    # The same few contents under many keys: they share.
                    newest[number] = response(noise(seed, size), entity_tag=b"%d" % number)
                    await store.save(key(str(number)), newest[number])
                    assert await store.load(key(str(number))) == newest[number]
                case "freshen", number, at:
                    await freshen(store, newest, number, at)
                case "load", number:
                    assert await store.load(key(str(number))) in (None, newest.get(number))
                case ("settle",):
                    await settle(store)
                case ("hour",):
                    clock.advance(3601)
            snapshot = store.snapshot()
            assert snapshot.bytes_used <= snapshot.bytes_limit == 4 * MEBIBYTE
            if directory.exists():
                assert directory_bytes(directory) <= 4 * MEBIBYTE
        await settle(store)
        for number in range(31):
            assert await store.load(key(str(number))) in (None, newest.get(number))
        snapshot = store.snapshot()
        assert snapshot.errors == snapshot.dropped == 0
        if snapshot.evictions == 0:
            assert snapshot.entries == len(newest)


async def freshen(store, newest, number, at):
    was = await store.load(key(str(number)))
    if number in newest:
        head = msgspec.structs.replace(newest[number].head, validated_at=float(at))
        await store.freshen(key(str(number)), head)
        if was:
            newest[number] = msgspec.structs.replace(newest[number], head=head)
            assert await store.load(key(str(number))) == newest[number]
    else:
        await store.freshen(key(str(number)), response(noise(0, 900)).head)
        assert await store.load(key(str(number))) is None
