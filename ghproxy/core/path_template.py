"""Which path template does a target belong to? The answer is a metric label, from a closed set.

Prow's string wherever Prow's tree has one, else the template of GitHub's REST description in the
same style, else `unmatched`. Nothing a client sends may pass through into the answer.
"""

import functools
import itertools
from collections.abc import Iterable, Iterator

from ghproxy.core.known_paths import MIRRORS, OURS, PROW, Rows
from ghproxy.core.rest_paths import OUTLINE

UNMATCHED = "unmatched"
GRAPHQL = "/graphql"

_PATH_BYTES_MAX = 4096
_SEGMENTS_MAX = 64
_REMEMBERED_BYTES_MAX = 512


def path_template(target: bytes) -> str:
    """The template of a target as sent; the query is ignored, so is GitHub Enterprise's `/api/v3`.

    A variable is one segment, percent-encoded slashes included. Where GitHub takes values with
    slashes (file paths, branches, references, labels) it may be several.
    """
    path = target.partition(b"?")[0]
    if len(path) > _REMEMBERED_BYTES_MAX:
        return _template(path)
    return _remembered_template(path)


@functools.cache
def path_templates() -> frozenset[str]:
    """Every label `path_template` can give, `unmatched` included."""
    known = (label for label in _labels(_KNOWN) if _find(_PROW, _an_instance(label), 0) is None)
    return frozenset((UNMATCHED, *_labels(_PROW), *known))


def _template(path: bytes) -> str:
    if not path.startswith(b"/") or len(path) > _PATH_BYTES_MAX:
        return UNMATCHED
    if path.startswith(b"/api/"):
        path = _without_enterprise_prefix(path)
    segments = path[1:].split(b"/")
    if len(segments) > _SEGMENTS_MAX or b"" in segments[:-1]:
        return UNMATCHED
    found = _find(_PROW, segments, 0)  # in Prow's tree a variable may be empty, as in `contents/`
    if found is None and segments[-1] == b"":
        segments.pop()
    return found or _find(_KNOWN, segments, 0) or UNMATCHED


_remembered_template = functools.lru_cache(maxsize=4096)(_template)


def _without_enterprise_prefix(path: bytes) -> bytes:
    """GitHub Enterprise Server answers REST below `/api/v3` and GraphQL at `/api/graphql`."""
    if path == b"/api/graphql":
        return b"/graphql"
    if path == b"/api/v3" or path.startswith(b"/api/v3/"):
        return path.removeprefix(b"/api/v3")
    return path


class _Node:
    """One segment of the tree; `label` where a template ends, `is_nested` where values have `/`."""

    __slots__ = ("is_nested", "label", "literals", "variable")

    def __init__(self) -> None:
        self.literals: dict[bytes, _Node] = {}
        self.variable: _Node | None = None
        self.is_nested = False
        self.label: str | None = None


def _find(node: _Node, segments: list[bytes], at: int) -> str | None:
    """The label of `segments[at:]` below a node: literals first, then the variable, then nested."""
    if at == len(segments):
        return node.label
    literal = node.literals.get(segments[at])
    if literal is not None:
        found = _find(literal, segments, at + 1)
        if found is not None:
            return found
    variable = node.variable
    if variable is None:
        return None
    last = len(segments) if variable.is_nested else at + 1
    for end in range(at + 1, last + 1):
        found = _find(variable, segments, end)
        if found is not None:
            return found
    return None


def _plant(root: _Node, template: str) -> None:
    """Let a template be found; the first name given to a shape stays."""
    node = root
    for segment in template[1:].split("/"):
        if segment.startswith(":"):
            node.variable = node.variable or _Node()
            node = node.variable
            node.is_nested = node.is_nested or segment.endswith("*")
        else:
            node = node.literals.setdefault(segment.encode(), _Node())
    node.label = node.label or template.replace("*", "")


def _tree(templates: Iterable[str]) -> _Node:
    root = _Node()
    for template in templates:
        _plant(root, template)
    return root


def _labels(node: _Node) -> Iterator[str]:
    if node.label is not None:
        yield node.label
    for child in (*node.literals.values(), *filter(None, (node.variable,))):
        yield from _labels(child)


def _an_instance(label: str) -> list[bytes]:
    return [b"?" if part.startswith(":") else part.encode() for part in label[1:].split("/")]


def _spelled_out(rows: Rows) -> Iterator[str]:
    for prefix, rest in rows:
        start = f"/{prefix}/" if prefix else "/"
        yield from (start + ending for ending in rest.split())


def _beginnings(template: str) -> Iterator[str]:
    yield from itertools.accumulate(template[1:].split("/"), "{}/{}".format, initial="")


def rest_templates(outline: str) -> Iterator[str]:
    """The templates of an outline: indentation counts the segments shared with the line before."""
    segments: list[str] = []
    for line in outline.splitlines():
        ending = line.lstrip(" ")
        segments[len(line) - len(ending) :] = ending.split("/")
        yield "/" + "/".join(segments)


def _mirrored(template: str) -> Iterator[str]:
    yield template
    segments = template.split("/")
    for beginning, mirror in MIRRORS:
        shape = beginning.split("/")
        if [":" if part.startswith(":") else part for part in segments[: len(shape)]] == shape:
            yield "/".join((mirror, *segments[len(shape) :]))


def _known_templates() -> Iterator[str]:
    for template in itertools.chain(rest_templates(OUTLINE), _spelled_out(OURS)):
        yield from _mirrored(template)


_PROW_TEMPLATES = ["/"] + [
    beginning for template in _spelled_out(PROW) for beginning in _beginnings(template) if beginning
]
_PROW = _tree(_PROW_TEMPLATES)
_KNOWN = _tree(itertools.chain(_PROW_TEMPLATES, _known_templates()))
