"""python -m benchmarks [--json] [NAME ...]: run the benchmarks, or only those named."""

from __future__ import annotations

import argparse
import json
import os
import platform
import sys
import tempfile
from pathlib import Path

from benchmarks import rows
from benchmarks.figures import Figure, table
from benchmarks.tool import Bench


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("names", nargs="*", metavar="NAME", choices=[[], *rows.ALL], help=", ".join(rows.ALL))
    parser.add_argument("--json", action="store_true", help="print the figures as JSON")
    options = parser.parse_args()
    figures: list[Figure] = []
    with tempfile.TemporaryDirectory(prefix="faultbox-bench-", dir="/var/tmp") as directory:
        bench = Bench(Path(directory))
        for name in options.names or rows.ALL:
            print(f"measuring {name} ...", file=sys.stderr)
            figures += rows.ALL[name](bench)
    host = (
        f"Linux {platform.release()} {platform.machine()}, {os.cpu_count()} cores, Python {platform.python_version()}"
    )
    if options.json:
        print(json.dumps({"host": host, "figures": [each.as_json() for each in figures]}, indent=2))
    else:
        print(f"{host}, load {os.getloadavg()[0]:.1f}\n\n{table(figures)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
