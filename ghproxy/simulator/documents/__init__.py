"""GitHub's JSON shapes: functions from what exists to the documents that describe it.

Each takes the API's base address as the client knows it, because GitHub's documents are full of
absolute addresses (github-api.md 4). Keys and their order follow the recorded documents.
"""

Document = dict[str, object]
