"""Git objects have the names git itself gives them."""

import os
import subprocess
from pathlib import Path

import pytest

from ghproxy.simulator.world.git import GitStore

FILES = {
    "README.md": b"# Read\n",
    "EMPTY": b"",
    "a.txt": b"between a and a/\n",
    "a/b/c.txt": b"deep\n",
    "a0": b"after a/\n",
}
AT = 1_767_600_000


@pytest.mark.needs("git")
def test_trees_and_commits_have_the_names_that_git_gives_them(tmp_path: Path):
    environment = os.environ | {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (
            ("NAME", "Ada"),
            ("EMAIL", "ada@acme.example"),
            ("DATE", f"{AT} +0000"),
        )
    }

    def git(*arguments: str) -> str:
        command = ["git", "-C", str(tmp_path), *arguments]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
        return done.stdout.strip()

    git("init", "-q")
    for path, content in FILES.items():
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_bytes(content)
    git("add", "-A")
    tree = git("write-tree")
    commit = git("commit-tree", tree, "-m", "All of it")

    store = GitStore()
    ours = store.write_files(FILES)
    author = ("Ada", "ada@acme.example")
    assert ours == tree
    assert store.write_commit(ours, (), author, AT, "All of it\n").sha == commit
    assert store.files(ours).keys() == FILES.keys()


def test_a_path_changed_when_the_last_commit_that_touched_it_was_made():
    store = GitStore()
    author = ("Ada", "ada@acme.example")
    parents: tuple[str, ...] = ()
    steps = ({"a": b"1", "b": b"1"}, {"a": b"2", "b": b"1"}, {"a": b"2", "b": b"2"})
    for at, files in enumerate(steps):
        tree = store.write_files(files)
        parents = (store.write_commit(tree, parents, author, at, "step").sha,)
    commit = store.commits[parents[0]]
    assert store.changed_at(commit, "a") == 1
    assert store.changed_at(commit, "b") == 2
    assert store.changed_at(commit, "") == 2
