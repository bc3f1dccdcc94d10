"""What a supervisor says about rules that did not do what was hoped."""

from __future__ import annotations

import errno
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.root


def test_the_closest_misses_come_first(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    (rule,) = kit.arm(("write", fault(path=f"{tmp_path}/data/wal/*")))
    (tmp_path / "data").mkdir()
    code = f"""
import os
for name, count in (("data/log", 3), ("unrelated", 5)):
    fd = os.open({str(tmp_path)!r} + "/" + name, os.O_CREAT | os.O_RDWR)
    for _ in range(count):
        os.write(fd, b"x")
os.write(os.pipe()[1], b"x")
os.write(os.memfd_create("m"), b"x")
os.write(os.eventfd(0), b"12345678")
"""
    status, _, err = kit.python(code)
    assert status == 0, err
    misses = kit.supervisor.report().misses[rule.slot]
    assert misses[:2] == (f"write {tmp_path}/data/log (3x)", f"write {tmp_path}/unrelated (5x)")
    assert set(misses[2:]) == {
        "write on a pipe (1x)",
        "write on a file without a name (1x)",
        "write on something else (1x)",
    }


def test_notes_say_why_matching_calls_did_not_fire(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    path = f"{tmp_path}/*"
    first, third, never, after, both = kit.arm(
        ("write", fault(errno=errno.ENOSPC, path=path)),
        ("write", fault(path=path, trigger={"nth": 3})),
        ("write", fault(path=path, trigger={"probability": 0.0})),
        ("write", fault(path=path, trigger={"after": 2})),
        ("write", fault(path=path, trigger={"after": 1, "first": 1})),
    )
    kit.python(f"""
import os
fd = os.open({str(tmp_path / "f")!r}, os.O_CREAT | os.O_RDWR)
for _ in range(2):
    try: os.write(fd, b"x")
    except OSError: pass
""")
    notes = kit.supervisor.report().notes
    assert notes[first.slot] == ()
    assert notes[third.slot] == ("2 calls matched, too few for nth=3",)
    assert notes[never.slot] == ("2 calls matched, none was drawn at probability=0",)
    assert notes[after.slot] == ("2 calls matched, too few for after=2",)
    assert notes[both.slot] == ("2 calls matched, none that nth=, first=, after= and every= let through together",)


def test_a_rule_that_another_one_always_answers_before(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    _, second = kit.arm(("mkdir", fault(errno=errno.ENOSPC)), ("mkdir", fault()))
    kit.python(f"""
import os
try: os.mkdir({str(tmp_path / "d")!r})
except OSError: pass
""")
    assert kit.counts(second)[1:3] == (1, 0)
    assert kit.supervisor.report().notes[second.slot] == ("1 call that matched was answered by t/mkdir first",)


def test_an_errno_that_the_kind_cant_give_is_doubted(stand: Any, fault: Any) -> None:
    kit = stand()
    (rule,) = kit.arm(("write", fault(errno=errno.EIO, on="socket")))
    kit.python("""
import socket
try: socket.socketpair()[0].send(b"x")
except OSError: pass
""")
    (note,) = kit.supervisor.report().notes[rule.slot]
    assert note == "EIO can't come from a socket (1 call): on= or path= narrows the rule"


def test_writes_through_a_shared_mapping_are_a_blind_spot(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    kit.arm(("write", fault(path=f"{tmp_path}/*", trigger={"nth": 9})))
    process = kit.launch(
        "/usr/bin/env", "python3", "-I", "-S", "-c", f"""
import mmap, os
fd = os.open({str(tmp_path / "f")!r}, os.O_CREAT | os.O_RDWR)
os.write(fd, b"x" * 4096)
shared = mmap.mmap(fd, 4096)
os.write(1, b"mapped")
os.read(os.pipe()[0], 1)
""",
    )  # fmt: skip
    assert process.stdout is not None
    assert process.stdout.read(6) == b"mapped"
    (spot,) = kit.supervisor.report().blind_spots
    assert spot == f"{tmp_path}/f is mapped writable and shared: what is written there by mapping meets no rule"
