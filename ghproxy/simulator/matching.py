"""Which requests a hold or a fault is meant for."""

import re

import msgspec

from ghproxy.simulator.message import Request


class Match(msgspec.Struct, frozen=True, kw_only=True):
    """All conditions that are stated must hold.

    `path` is a prefix of the target, `pattern` a regular expression found anywhere in it,
    `method` a method, `field` a name and a regular expression found in a value of that field.
    """

    path: str | None = None
    pattern: str | None = None
    method: str | None = None
    field: tuple[str, str] | None = None

    def matches(self, request: Request) -> bool:
        target = request.target.decode("latin-1")
        return (
            (self.method is None or self.method.upper() == request.method)
            and (self.path is None or target.startswith(self.path))
            and (self.pattern is None or re.search(self.pattern, target) is not None)
            and (self.field is None or _has(request, *self.field))
        )

    def __post_init__(self) -> None:
        """A pattern that is none is refused when it is stated, not when it is used."""
        patterns = [self.pattern, self.field[1] if self.field else None]
        for pattern in filter(None, patterns):
            try:
                re.compile(pattern)
            except re.error as error:
                raise ValueError(f"{pattern!r} is no regular expression: {error}") from error


def _has(request: Request, name: str, pattern: str) -> bool:
    return any(
        line.lower() == name.lower().encode() and re.search(pattern, value.decode("latin-1"))
        for line, value in request.fields
    )
