"""The page's modules, tested by Node.js's own runner: `node --test tests/evidence/reporting/web/*.test.mjs`."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

import pytest

TESTS = sorted(Path(__file__).with_name("web").glob("*.test.mjs"))


def test_modules() -> None:
    node = shutil.which("node")
    if node is None:
        pytest.skip("needs Node.js 18: make test installs it on Debian as root")
    done = subprocess.run([node, "--test", *map(str, TESTS)], capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr
