"""GitHub's refusals: status, message and documentation address, in the bodies GitHub sends.

Texts are those of github-api.md 1, 5 and 6; where it has none, they are from memory and the
page in docs says so.
"""

from collections.abc import Sequence

DOCS = "https://docs.github.com/rest"
_REDIRECTS = "https://docs.github.com/v3/#http-redirects"


class Refusal(Exception):  # noqa: N818  an answer, not an accident
    """An answer that is not what was asked for; raised wherever it is decided."""

    def __init__(
        self,
        status: int,
        message: str,
        *,
        documentation: str = "",
        errors: Sequence[dict[str, str]] = (),
        location: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.documentation = documentation
        self.errors = tuple(errors)
        self.location = location

    def value(self, documentation: str) -> dict[str, object]:
        """The JSON body; `documentation` is the page of the operation that was asked for."""
        if self.location is not None:
            return {
                "message": self.message,
                "url": self.location,
                "documentation_url": _REDIRECTS,
            }
        value: dict[str, object] = {"message": self.message}
        if self.errors:
            value["errors"] = list(self.errors)
        page = self.documentation or documentation
        value["documentation_url"] = f"{DOCS}/{page}" if page else DOCS
        value["status"] = str(self.status)
        return value


def not_found() -> Refusal:
    return Refusal(404, "Not Found")


def bad_credentials(message: str = "Bad credentials") -> Refusal:
    return Refusal(401, message)


def requires_authentication() -> Refusal:
    return Refusal(401, "Requires authentication")


def moved(location: str, *, is_safe: bool) -> Refusal:
    """301 for GET and HEAD, 307 for the rest, with one body."""
    status, message = (301, "Moved Permanently") if is_safe else (307, "Temporary Redirect")
    return Refusal(status, message, location=location)


def invalid(resource: str, field: str, code: str = "missing_field") -> Refusal:
    return Refusal(
        422, "Validation Failed", errors=[{"resource": resource, "code": code, "field": field}]
    )


def bad_json() -> Refusal:
    return Refusal(400, "Problems parsing JSON")


def not_accessible(kind: str) -> Refusal:
    """What a credential without the permission hears, by its kind."""
    if kind == "installation":
        return Refusal(403, "Resource not accessible by integration")
    if kind == "fine_grained":
        return Refusal(403, "Resource not accessible by personal access token")
    return Refusal(403, "Must have admin rights to Repository.")


def rate_limit_exceeded(identity: str, request_id: str, moment: str) -> Refusal:
    """The primary limit is used up; `identity` is `user:ID`, `installation:ID` or `ip:ADDRESS`."""
    kind, _, name = identity.partition(":")
    if kind == "ip":
        return Refusal(
            403,
            f"API rate limit exceeded for {name}. (But here's the good news: Authenticated "
            "requests get a higher rate limit. Check out the documentation for more details.)",
            documentation="overview/resources-in-the-rest-api#rate-limiting",
        )
    if kind == "installation":
        message = f"API rate limit exceeded for installation ID {name}."
    else:
        message = (
            f"API rate limit exceeded for user ID {name}. If you reach out to GitHub Support for "
            f"help, please include the request ID {request_id} and timestamp {moment} UTC. For "
            "more on scraping GitHub and how it may affect your rights, please review our Terms "
            "of Service (https://docs.github.com/en/site-policy/github-terms/"
            "github-terms-of-service)"
        )
    return Refusal(403, message, documentation="overview/rate-limits-for-the-rest-api")
