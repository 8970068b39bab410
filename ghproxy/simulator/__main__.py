"""`python -m ghproxy.simulator` is `ghproxy simulate`."""

import sys

from ghproxy.simulator.program import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
