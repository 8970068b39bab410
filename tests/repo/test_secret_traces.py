"""The search that other tests rely on finds what it is for, and nothing else."""

import base64
import hashlib
import urllib.parse
from pathlib import Path

import pytest

from tests.support.secrets import SENTINEL_TOKEN, traces


@pytest.mark.parametrize("user", ["", "a", "ab", "abc", "x-access-token"])
def test_a_token_inside_basic_credentials_is_found_whatever_the_user(user: str) -> None:
    credentials = base64.b64encode(f"{user}:{SENTINEL_TOKEN}".encode()).decode()

    assert traces(SENTINEL_TOKEN, f"authorization: Basic {credentials}")


@pytest.mark.parametrize("start", range(17))
def test_a_piece_of_half_a_token_is_found_wherever_it_was_cut(start: int) -> None:
    assert traces(SENTINEL_TOKEN, f"...{SENTINEL_TOKEN[start : start + 24]}...")


def test_a_token_in_an_address_is_found_when_percent_encoded() -> None:
    secret = "a+b/c=d%e"

    assert traces(secret, f"/login?code={urllib.parse.quote(secret, safe='')}")


def test_a_token_in_a_file_or_in_its_name_is_found(tmp_path: Path) -> None:
    below = tmp_path / "cache"
    below.mkdir()
    (below / "page").write_bytes(b"\0\xff" + SENTINEL_TOKEN.encode() + b"\xff")
    (below / SENTINEL_TOKEN).touch()

    assert len({line.split(": ")[0] for line in traces(SENTINEL_TOKEN, tmp_path)}) == 2
    assert traces(SENTINEL_TOKEN, below / "page")


def test_a_digest_or_a_prefix_is_no_trace() -> None:
    digest = hashlib.sha256(f"Bearer {SENTINEL_TOKEN}".encode()).hexdigest()

    assert traces(SENTINEL_TOKEN, digest, SENTINEL_TOKEN[:8], b"", "Bearer ghp_") == []
