"""The real thing: a simulator and a gateway in processes of their own, on loopback.

Ports are chosen by the system and read from what each program says. Everything is ended at the end
of the `with` block, by its process id, and what it wrote can be read afterwards.
"""

import contextlib
import json
import os
import re
import select
import signal
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

CHECKOUT = Path(__file__).parents[2]
_PATIENCE_SECONDS = 20


class Program:
    """A process whose first words say where it listens."""

    def __init__(self, arguments, said, environment=None):
        self._said = said
        self._log = b""
        self.process: Any = subprocess.Popen(
            [sys.executable, "-W", "error", "-m", "ghproxy", *map(str, arguments)],
            cwd=CHECKOUT,
            env={**_environment(), **(environment or {})},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            stdin=subprocess.DEVNULL,
        )

    def wait_for(self, pattern):
        """Read what it says until the pattern appears; the match."""
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while not (match := re.search(pattern, self.said)):
            output = self.process.stdout.fileno()
            ready, _, _ = select.select([output], [], [], deadline - time.monotonic())
            data = os.read(output, 65_536) if ready else b""
            if not data:
                raise AssertionError(f"never said {pattern!r}, only: {self.said}")
            self._log += data
        return match

    @property
    def said(self):
        """What has been read of its output so far."""
        return self._log.decode(errors="replace")

    def stop(self, number=signal.SIGTERM):
        """Ask it to end; its exit status. All of its output is in `said` afterwards."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        try:
            rest, _ = self.process.communicate(timeout=_PATIENCE_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            rest, _ = self.process.communicate()
            raise AssertionError(f"did not end; said {(self._log + rest).decode()}") from None
        self._log += rest
        return self.process.returncode

    def resident_bytes(self):
        """Memory in use now."""
        pages = Path(f"/proc/{self.process.pid}/statm").read_text().split()[1]
        return int(pages) * os.sysconf("SC_PAGE_SIZE")

    def open_files(self):
        return len(list(Path(f"/proc/{self.process.pid}/fd").iterdir()))


class Simulator(Program):
    """`url` is GitHub, `control` its control port."""

    def __init__(self, *arguments):
        super().__init__(["simulate", "--port", 0, "--control-port", 0, *arguments], "control")
        self.url = self.wait_for(r"api (http://\S+)")[1]
        self.control_url = self.wait_for(r"control (http://\S+)")[1]

    def control(self, method, path, value=None):
        """One call to the control port; its JSON."""
        content = None if value is None else json.dumps(value).encode()
        request = urllib.request.Request(self.control_url + path, content, method=method)
        with urllib.request.urlopen(request, timeout=_PATIENCE_SECONDS) as response:
            text = response.read()
        return json.loads(text) if text else None

    def credentials(self, kind):
        return [found for found in self.control("GET", "/credentials") if found["kind"] == kind]

    def token(self, kind="personal", number=0):
        return self.credentials(kind)[number]["token"]

    def journal(self):
        """Every request that reached GitHub since the journal was last emptied."""
        return self.control("GET", "/journal")

    def forget(self):
        self.control("DELETE", "/journal")

    def charged(self):
        return sum(entry["charged"] for entry in self.journal())


class Ghproxy(Program):
    """`url` is the main port; `metrics_url` and `health_url` the others."""

    def __init__(self, upstream, *options, environment=None):
        ports = ["--port=0", "--metrics-port=0", "--health-port=0", "--pprof-port=0"]
        host = [] if any(str(o).startswith("--host") for o in options) else ["--host=127.0.0.1"]
        super().__init__([*ports, *host, f"--upstream={upstream}", *options], "health", environment)
        match = self.wait_for(r"listening on (http://\S+) .*metrics on (\d+), health on (\d+)")
        self.wait_for(r"try: ")
        self.url = match[1]
        self.metrics_url = f"http://127.0.0.1:{match[2]}"
        self.health_url = f"http://127.0.0.1:{match[3]}"

    @property
    def port(self):
        return int(self.url.rpartition(":")[2])

    def metrics(self):
        """The scrape, as a mapping of sample (with its labels, as written) to value."""
        with urllib.request.urlopen(self.metrics_url + "/metrics", timeout=10) as response:
            lines = response.read().decode().splitlines()
        samples = (line.rpartition(" ") for line in lines if line and line[0] != "#")
        return {name: float(value) for name, _, value in samples}


@contextlib.contextmanager
def simulator(*arguments):
    """A GitHub of its own."""
    program = Simulator(*arguments)
    try:
        yield program
    finally:
        program.stop()


@contextlib.contextmanager
def ghproxy(upstream, *options, environment=None):
    """A gateway; in memory unless the options name a directory."""
    chosen = any(str(option).startswith(("--cache-dir", "--cache-store")) for option in options)
    program = Ghproxy(
        upstream, *options, *([] if chosen else ["--cache-store=memory"]), environment=environment
    )
    try:
        yield program
    finally:
        program.stop()


def _environment():
    """The machine's environment without what would configure the program under test."""
    return {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("GHPROXY_") and not name.lower().endswith("_proxy")
    }
