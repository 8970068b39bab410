"""`python -m ghproxy` is `ghproxy`."""

from ghproxy.cli import main

if __name__ == "__main__":
    main()
