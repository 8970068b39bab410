"""The stored response (RFC 9111 3) in its two layers: a small head, and content by its digest.

A head belongs to one cache key (one partition); content belongs to nobody and is stored once per
digest, exactly as received (gzip stays gzip). Nothing here knows where they are kept.
"""

import hashlib

import msgspec

_HOUR_SECONDS = 3600


class CacheKey(msgspec.Struct, frozen=True):
    """What a stored response is found by; both parts are SHA-256 digests (32 bytes).

    `resource` covers origin, method class, target and selecting fields; `partition` the credential.
    They are kept apart so that one resource's heads can be found across partitions.
    """

    resource: bytes
    partition: bytes


class StoredHead(msgspec.Struct, frozen=True, array_like=True):
    """All of a stored response but its content.

    `fields` holds the origin's field lines that any credential would be sent; `own_fields` those
    that speak of the credential they were sent to (scopes, expiry), which never leave its
    partition. Both are packed (`fields.pack`): a list of tuples costs three times the memory.
    `is_reusable` is False once the origin refused this credential (401, 404, 410): only a
    validation may then revive it.
    """

    status: int
    fields: bytes
    own_fields: bytes
    entity_tag: bytes
    content_digest: bytes
    content_bytes: int
    stored_at: float
    validated_at: float
    is_reusable: bool = True


class StoredResponse(msgspec.Struct, frozen=True):
    """A head and the content it names."""

    head: StoredHead
    content: bytes


def is_worth_writing(old: StoredHead, new: StoredHead) -> bool:
    """Whether a head differs from its predecessor by more than a validation in the same hour.

    A hit must not be a write; once an hour it is one, so that the age survives a restart roughly.
    """
    is_same_hour = old.validated_at // _HOUR_SECONDS == new.validated_at // _HOUR_SECONDS
    return not is_same_hour or msgspec.structs.replace(old, validated_at=new.validated_at) != new


def content_digest(content: bytes) -> bytes:
    """The name of content in the store: SHA-256 of its bytes as stored, 32 bytes."""
    return hashlib.sha256(content).digest()
