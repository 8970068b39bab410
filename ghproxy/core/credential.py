"""Who asks: a digest that separates, and a label that humans and dashboards read.

The credential itself (the `Authorization` value) is hashed here and kept nowhere. Partitions come
from what GitHub will check, never from a name that a client states about itself.
"""

import hashlib
from typing import Final

import msgspec

from ghproxy.core.fields import first
from ghproxy.core.message import Fields

BUDGET_IDENTIFIER: Final = b"x-prow-ghcache-token-budget-identifier"
ANONYMOUS_PARTITION: Final = bytes(32)
ANONYMOUS_BUDGET: Final = hashlib.sha256(b"unknown").hexdigest()


class Credential(msgspec.Struct, frozen=True):
    """The partition (SHA-256 of the Authorization value, 32 bytes) and the budget's label.

    `budget` is what Prow's metrics call token_hash: the budget identifier that the client states,
    else the digest in hex. It groups, and gives access to nothing. `is_anonymous` says that GitHub
    charges for a 304, as it does where the value is empty.
    """

    partition: bytes
    budget: str
    is_anonymous: bool


def credential_from_fields(fields: Fields) -> Credential:
    """The credential a request carries.

    An empty Authorization value authorizes nothing, but GitHub may answer it in another way than
    none: it is anonymous in a partition of its own.
    """
    authorization = first(fields, b"authorization")
    partition, budget = ANONYMOUS_PARTITION, ANONYMOUS_BUDGET
    if authorization is not None:
        digest = hashlib.sha256(authorization)
        partition, budget = digest.digest(), digest.hexdigest() if authorization else budget
    stated = first(fields, BUDGET_IDENTIFIER)
    return Credential(
        partition, stated.decode("latin-1") if stated else budget, is_anonymous=not authorization
    )
