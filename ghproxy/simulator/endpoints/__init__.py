"""GitHub's operations, one module for each part of the reference; a handler is a function."""

from ghproxy.simulator.endpoints import (
    apps,
    checks,
    contents,
    git,
    issues,
    labels,
    meta,
    pulls,
    repositories,
    search,
    users,
    workshop,
)
from ghproxy.simulator.routes import Operation

OPERATIONS: tuple[Operation, ...] = (
    *workshop.OPERATIONS,
    *meta.OPERATIONS,
    *users.OPERATIONS,
    *apps.OPERATIONS,
    *search.OPERATIONS,
    *issues.OPERATIONS,
    *labels.OPERATIONS,
    *pulls.OPERATIONS,
    *contents.OPERATIONS,
    *git.OPERATIONS,
    *checks.OPERATIONS,
    *repositories.OPERATIONS,
)
