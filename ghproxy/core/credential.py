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
    else the digest in hex. It groups, and gives access to nothing.
    """

    partition: bytes
    budget: str

    @property
    def is_anonymous(self) -> bool:
        return self.partition == ANONYMOUS_PARTITION


def credential_from_fields(fields: Fields) -> Credential:
    """The credential a request carries; an empty Authorization value is one, too."""
    authorization = first(fields, b"authorization")
    stated = first(fields, BUDGET_IDENTIFIER)
    if authorization is None:
        partition, budget = ANONYMOUS_PARTITION, ANONYMOUS_BUDGET
    else:
        digest = hashlib.sha256(authorization)
        partition, budget = digest.digest(), digest.hexdigest()
    return Credential(partition, stated.decode("latin-1") if stated else budget)
