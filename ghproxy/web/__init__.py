"""HTTP in: the main port's endpoint, the server under it, and the small ports beside it."""
