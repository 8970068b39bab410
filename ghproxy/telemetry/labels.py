"""Label values from what clients send: printable, short, and never a credential.

No Authorization value comes here; but a client may put a token where a name belongs (its user
agent, its budget identifier), so whatever looks like one is masked before it is shown.
"""

import functools
import re

OTHER = "other"
MASKED = "masked"

_READ_CHARS_MAX = 512
_USER_AGENT_CHARS_MAX = 64
_BUDGET_CHARS_MAX = 128

_CREDENTIAL = re.compile(
    r"(?:gh[pousr]_|github_pat_)[\w.-]*"  # since 2021; installation tokens have dots since 2026
    r"|eyJ[\w.-]{5,}"  # a JWT: the base64 of {"
    r"|(?<![0-9a-z])(?:v1\.)?[0-9a-f]{40}(?![0-9a-z])"  # before 2021; our digests have 64 digits
)
_STATUSES = {status: str(status) for status in range(100, 600)}


def user_agent_label(user_agent: str) -> str:
    """The name before the first `/`, as in Prow; `other` where it is no name."""
    return _user_agent_label(user_agent[:_READ_CHARS_MAX])


def budget_label(budget: str) -> str:
    """The budget identifier or digest as it came, made fit to be shown."""
    return _budget_label(budget[:_READ_CHARS_MAX])


def status_label(status: int) -> str:
    """A status code, or `other` where there is none or none that HTTP knows."""
    return _STATUSES.get(status, OTHER)


@functools.lru_cache(maxsize=1024)
def _user_agent_label(user_agent: str) -> str:
    name = _masked(user_agent).partition("/")[0]
    return name if name.isprintable() and len(name) <= _USER_AGENT_CHARS_MAX else OTHER


@functools.lru_cache(maxsize=1024)
def _budget_label(budget: str) -> str:
    label = _masked(budget)[:_BUDGET_CHARS_MAX]
    return label if label.isprintable() else "".join(map(_printable, label))


def _masked(text: str) -> str:
    return _CREDENTIAL.sub(MASKED, text)


def _printable(character: str) -> str:
    return character if character.isprintable() else "?"
