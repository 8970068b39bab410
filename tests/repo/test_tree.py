"""What every file of the repository must be, and must not hold."""

import ast
import hashlib
import re
import tomllib

import pytest

import ghproxy
from tests.repo.tree import ROOT, name_of, tracked_files

# Written so that this file does not match itself.
FORBIDDEN = {
    "the address of a package registry": re.compile(
        rb"python[h]osted|//py[p]i\.|np[m]js\.|proxy\.go[l]ang|de[b]\.debian\.org|crates[.]i[o]"
    ),
    "a path of one machine": re.compile(rb"(?<![\w.-])/(?:wor[k]|far[m]|roo[t])/[\w.-]"),
    "a GitHub token": re.compile(rb"gh[opusr]_[A-Za-z0-9]{36}|github_pa[t]_[A-Za-z0-9_]{36}"),
    "a private key": re.compile(rb"-----BEGI[N] [A-Z ]*PRIVATE KEY-----\s+[A-Za-z0-9+/]{40}"),
}

MODULES = sorted((ROOT / "ghproxy").rglob("*.py"))
LONGEST_MODULE_LINES = 310  # "stop near 300"
LONGER_FOR_A_REASON = {"ghproxy/core/rest_paths.py": "a list of every path, generated"}

APACHE_2_0_SHA256 = "cfc7749b96f63bd31c3c42b5c471bf756814053e847c10f3eb003417bc523d30"


@pytest.mark.parametrize("what", FORBIDDEN)
def test_no_file_holds(what: str) -> None:
    pattern = FORBIDDEN[what]
    found = [name_of(path) for path in tracked_files() if pattern.search(path.read_bytes())]

    assert found == []


@pytest.mark.parametrize(
    ("what", "example"),
    [
        (
            "the address of a package registry",
            "https://files.{}hosted.org/packages/".format("python"),
        ),
        ("the address of a package registry", "https://registry.{}js.org/".format("npm")),
        ("a path of one machine", "see /{}/notes".format("root")),
        ("a GitHub token", "ghs_" + "x" * 36),
        ("a GitHub token", "github_pat_" + "x" * 82),
    ],
)
def test_the_search_would_find(what: str, example: str) -> None:
    assert FORBIDDEN[what].search(example.encode())


def test_the_licence_is_apache_2_0_word_for_word() -> None:
    text = (ROOT / "LICENSE").read_bytes()

    assert hashlib.sha256(text).hexdigest() == APACHE_2_0_SHA256


def test_the_version_is_stated_alike_everywhere() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

    assert project["version"] == ghproxy.__version__


def test_the_changelog_opens_with_this_version() -> None:
    headings = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)

    assert headings[0] == ghproxy.__version__


def test_every_module_opens_by_saying_what_it_is_for() -> None:
    texts = {name_of(path): path.read_text() for path in MODULES}
    silent = [name for name, text in texts.items() if not ast.get_docstring(ast.parse(text))]

    assert [name for name in silent if texts[name].strip()] == []


def test_every_module_is_short_enough_to_know() -> None:
    lines = {name_of(path): path.read_text().count("\n") for path in MODULES}
    long = {name for name, count in lines.items() if count > LONGEST_MODULE_LINES}

    assert long == LONGER_FOR_A_REASON.keys()


def test_what_names_its_interpreter_can_be_run() -> None:
    scripts = [path for path in tracked_files() if path.read_bytes().startswith(b"#!")]

    assert scripts
    assert [name_of(path) for path in scripts if not path.stat().st_mode & 0o111] == []
