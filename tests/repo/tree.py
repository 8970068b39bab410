"""The files of this repository, for the tests that read them."""

import subprocess
from pathlib import Path

ROOT = Path(__file__).parents[2]

NOT_OURS = {".venv", ".git", ".cache", "node_modules", "build", "dist", "__pycache__"}


def tracked_files() -> list[Path]:
    """What git tracks and will track; in a tree without git, everything but what tools made."""
    listing = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=ROOT,
        capture_output=True,
        check=False,
    )
    if listing.returncode == 0:
        paths = [ROOT / name for name in listing.stdout.decode().split("\0") if name]
    else:
        paths = [p for p in ROOT.rglob("*") if not NOT_OURS.intersection(p.relative_to(ROOT).parts)]
    return sorted(path for path in paths if path.is_file())


def name_of(path: Path) -> str:
    return str(path.relative_to(ROOT))
