"""The App's key pair and its JWTs (github-api.md 6): RS256, verified as GitHub verifies them.

PyJWT and cryptography are imported at first use: they would double the time it takes to start.
"""

import functools
from typing import TYPE_CHECKING, cast

from ghproxy.simulator.errors import bad_credentials
from ghproxy.simulator.world.entities import App

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey

_LONGEST_SECONDS = 600
_CLOCK_SKEW_SECONDS = 60


@functools.cache
def _private_key() -> "RSAPrivateKey":
    """One key for the process, made when first needed: it differs from run to run, seed or not."""
    from cryptography.hazmat.primitives.asymmetric import rsa  # noqa: PLC0415  see above

    return rsa.generate_private_key(public_exponent=65537, key_size=2048)


class AppKeys:
    """What the App signs with, and what its signatures are verified with."""

    def __init__(self, app: App) -> None:
        self._app = app

    def private_key_pem(self) -> str:
        """PKCS#1 PEM, as GitHub hands it out."""
        from cryptography.hazmat.primitives import serialization  # noqa: PLC0415  see above

        pem = _private_key().private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.TraditionalOpenSSL,
            serialization.NoEncryption(),
        )
        return pem.decode("ascii")

    def fresh_jwt(self, now: float) -> str:
        """Signed now, good for nine minutes."""
        import jwt  # noqa: PLC0415  see above

        claims = {"iat": int(now) - 60, "exp": int(now) + 540, "iss": str(self._app.id)}
        return jwt.encode(claims, _private_key(), algorithm="RS256")

    def expiry(self, token: str, now: float) -> float:
        """When a JWT ends; a refusal where it is not this App's, forged or out of time."""
        import jwt  # noqa: PLC0415  see above

        try:
            claims = cast(
                "dict[str, object]",
                jwt.decode(
                    token,
                    _private_key().public_key(),
                    algorithms=["RS256"],
                    options={"verify_exp": False, "verify_iat": False, "verify_aud": False},
                ),
            )
        except jwt.PyJWTError as error:
            raise bad_credentials("A JSON web token could not be decoded") from error
        if str(claims.get("iss")) not in {str(self._app.id), self._app.client_id}:
            raise bad_credentials(
                "'Issuer' claim ('iss') must be an Integer or a String, representing an integration"
            )
        return _checked_expiry(claims, now)


def _checked_expiry(claims: dict[str, object], now: float) -> float:
    issued, expires = claims.get("iat"), claims.get("exp")
    if not isinstance(issued, int | float) or issued > now + _CLOCK_SKEW_SECONDS:
        raise bad_credentials(
            "'Issued at' claim ('iat') must be an Integer representing the time that the "
            "assertion was issued"
        )
    if not isinstance(expires, int | float) or expires <= now:
        raise bad_credentials(
            "'Expiration time' claim ('exp') must be a numeric value representing the future "
            "time at which the assertion expires"
        )
    if expires > now + _LONGEST_SECONDS + _CLOCK_SKEW_SECONDS:
        raise bad_credentials("'Expiration time' claim ('exp') is too far in the future")
    return float(expires)
