"""The project's own files, for the tests of the house."""

from pathlib import Path

ROOT = Path(__file__).parents[2]
PACKAGES = ("graph", "resolvers", "persistence", "devices", "domain")


def modules(*folders: str) -> list[Path]:
    """Every Python file below the folders, in order."""
    return sorted(path for folder in folders for path in (ROOT / folder).rglob("*.py"))


def told(path: Path) -> str:
    """A file's name as people say it, from the project's root."""
    return path.relative_to(ROOT).as_posix()
