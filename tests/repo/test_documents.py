"""The Markdown pages: commands that exist, links that lead somewhere."""

import re
from pathlib import Path

import pytest

from tests.repo.tree import ROOT, name_of, tracked_files

PAGES = [path for path in tracked_files() if path.suffix == ".md"]
README = ROOT / "README.md"
LINK = re.compile(r"\[[^\]]*\]\(([^)\s]+)\)")
each_page = pytest.mark.parametrize("page", PAGES, ids=name_of)


def code_blocks(page: Path) -> list[str]:
    return re.findall(r"^```\w*\n(.*?)^```", page.read_text(), re.MULTILINE | re.DOTALL)


def anchors(page: Path) -> set[str]:
    """The fragments GitHub makes of a page's headings."""
    text = re.sub(r"^```.*?^```", "", page.read_text(), flags=re.MULTILINE | re.DOTALL)
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@each_page
def test_relative_links_lead_to_a_file_and_a_heading(page: Path) -> None:
    broken = []
    for target in LINK.findall(page.read_text()):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, fragment = target.partition("#")
        file = (page.parent / path).resolve() if path else page
        if not file.exists() or (fragment and fragment not in anchors(file)):
            broken.append(target)

    assert broken == []


@each_page
def test_scripts_named_in_a_page_exist(page: Path) -> None:
    named = set(re.findall(r"(?<![\w/])(?:\./)?(scripts/[a-z-]+|\.ci/[a-z]+)", page.read_text()))

    assert [name for name in sorted(named) if not (ROOT / name).is_file()] == []


@pytest.mark.parametrize("command", ["./scripts/run", "./scripts/test"])
def test_the_readme_shows_the_two_commands(command: str) -> None:
    lines = [line for block in code_blocks(README) for line in block.splitlines()]

    assert any(line.split("#")[0].strip() == command for line in lines)


def test_ci_runs_the_readme_s_own_test_command() -> None:
    assert "./scripts/test" in (ROOT / ".ci" / "run").read_text().split()


def test_the_architecture_page_names_the_doors_that_the_contracts_hold() -> None:
    page = (ROOT / "docs" / "architecture.md").read_text()
    contracts = (ROOT / ".importlinter").read_text()
    contract = r"(?ms)^protected_modules =(.*?)^allowed_importers =(.*?)(?:^\[|\Z)"
    doors = {
        library: importers.split()
        for libraries, importers in re.findall(contract, contracts)
        for library in libraries.split()
    }
    said = page.partition("Each outside library has one door:")[2].partition("\n\n")[0]
    clauses = re.findall(r"([^`]+)`([\w/]+)(?:\.py)?`", said)

    assert len(clauses) == 4
    for words, door in clauses:
        for library in doors.keys() & set(words.split()):
            assert f"ghproxy.{door.replace('/', '.')}" in doors[library]
