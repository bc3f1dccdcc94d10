"""What happens to the system calls of real programs."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

from faultbox.model.fault import Counts

pytestmark = pytest.mark.root

WRITES = """
import os, sys
path, count = sys.argv[1], int(sys.argv[2])
fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
failed = []
for n in range(1, count + 1):
    try:
        os.write(fd, b"x")
    except OSError as error:
        failed.append((n, error.errno))
print(failed)
"""


def test_a_rule_meets_the_calls_of_its_path_and_counts_exactly(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    (rule,) = kit.arm(("write", fault(path=f"{tmp_path}/*", trigger={"nth": 3})))
    file = tmp_path / "a"
    code, out, _ = kit.run("/usr/bin/env", "python3", "-I", "-S", "-c", WRITES, file, "5")
    assert (code, out.strip()) == (0, f"[(3, {errno.EIO})]")
    seen, matched, fired, unresolved = kit.counts(rule)
    assert (matched, fired, unresolved) == (5, 1, 0)
    assert seen > matched  # its own stdout
    assert file.read_text() == "xxxx"
    (event,) = kit.events()
    assert event.type == "syscall"
    assert event.service == "svc"
    assert event.fields["decision"] == "deny(EIO)"
    assert event.fields["path"] == str(file)
    assert event.fields["rule"] == "t/write"
    assert Counts(*kit.counts(rule)) == kit.counts(rule)
