"""`python -m faultbox`."""

import sys

from faultbox.cli import main

if __name__ == "__main__":
    sys.exit(main())
