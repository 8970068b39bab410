"""A caching gateway in front of the GitHub API."""

__version__ = "0.1.0"
