"""A clock that stands still until it is told to move."""


class FakeClock:
    def __init__(self, now=1_000_000.0):
        self.seconds = now

    def now(self):
        return self.seconds

    def monotonic(self):
        return self.seconds

    def advance(self, seconds):
        self.seconds += seconds
