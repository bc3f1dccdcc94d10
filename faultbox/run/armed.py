"""The rules of a running case and what they have counted, on disk: for who looks on, and for what a killed case leaves.

<case>/counters: the page that supervisors and the edge process count in. <case>/rules.jsonl: a rule a line, as armed.
"""

from __future__ import annotations

import contextlib
import dataclasses
import json
import mmap
import os
import struct
from collections.abc import Iterable
from pathlib import Path

from faultbox.model import record
from faultbox.model.fault import Counts, Rule
from faultbox.model.host import SpecError
from faultbox.model.message import MessageRule
from faultbox.model.verdict import RuleReport
from faultbox.run.verdict import reports

SLOTS = 2048
_COUNTS = struct.Struct("<4Q")
_PAGE, _RULES = "counters", "rules.jsonl"


class Counters:
    """The world's shared counter page: four u64 per slot, in the order of Counts. Made before any fork."""

    def __init__(self, case: Path) -> None:
        fd = os.open(case / _PAGE, os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
        try:
            os.posix_fallocate(fd, 0, SLOTS * _COUNTS.size)  # a page that finds no room when it is written is a SIGBUS
            self.page = mmap.mmap(fd, SLOTS * _COUNTS.size)
        finally:
            os.close(fd)
        (case / _RULES).unlink(missing_ok=True)  # of a first try
        self._used = 0

    def claim(self) -> int:
        """A slot nobody has used."""
        if self._used == SLOTS:
            raise SpecError("TOO_MANY_RULES", f"a case may arm at most {SLOTS} rules, all fault() calls counted")
        self._used += 1
        return self._used - 1

    def read(self, slot: int) -> Counts:
        return Counts(*_COUNTS.unpack_from(self.page, slot * _COUNTS.size))


def note(case: Path, rules: Iterable[Rule | MessageRule]) -> None:
    """Write down rules that are armed now, with their slots. Raises OSError."""
    rules = list(rules)
    shapes = reports(rules, {each.slot: Counts() for each in rules}, {}, {})
    lines = [json.dumps([rule.slot, record.to_json(shape)]) for rule, shape in zip(rules, shapes, strict=True)]
    with (case / _RULES).open("a", encoding="ascii") as file:
        file.write("".join(f"{line}\n" for line in lines))


def armed(case: Path) -> tuple[RuleReport, ...]:
    """Every rule that was armed in a case so far, with what it has counted up to now; none where nothing is there."""
    with contextlib.suppress(FileNotFoundError):
        page = (case / _PAGE).read_bytes()
        lines = (case / _RULES).read_text(encoding="ascii").splitlines(keepends=True)
        return tuple(_rule(line, page) for line in lines if line.endswith("\n"))
    return ()


def _rule(line: str, page: bytes) -> RuleReport:
    slot, shape = json.loads(line)
    counts = Counts(*_COUNTS.unpack_from(page, slot * _COUNTS.size))
    return dataclasses.replace(record.from_json(RuleReport, shape), counts=counts)
