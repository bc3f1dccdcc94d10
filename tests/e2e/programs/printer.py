"""An HTTP service that has printed 100 MB before it answers."""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))
import web

line = b"x" * 99 + b"\n"
block = line * 10_000
for _ in range(100):
    left = memoryview(block)
    while left:
        left = left[os.write(1, left) :]
os.write(1, b"the last line\n")
web.main()
