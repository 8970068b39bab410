"""A GitHub over HTTP, on loopback, for tests, demos and benchmarks of what talks to GitHub.

`main(arguments)` is `ghproxy simulate`; `Simulator` is the same inside a test. Imports nothing of
the gateway; only the command line imports it.
"""

from ghproxy.simulator.program import main
from ghproxy.simulator.server import Simulator

__all__ = ["Simulator", "main"]
