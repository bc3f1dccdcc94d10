from __future__ import annotations

from pathlib import Path

from faultbox.syscalls.reference import reference

DOCUMENT = Path(__file__).parents[2] / "docs/reference/syscalls.md"


def test_the_document_is_up_to_date() -> None:
    assert DOCUMENT.read_text(encoding="utf-8") == reference(), "run python -m faultbox.syscalls.reference"
