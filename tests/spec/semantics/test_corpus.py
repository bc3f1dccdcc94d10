"""Expressions and programs give what starlark-go gives."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

HERE = Path(__file__).parent.parent
CORPUS = {path.stem: json.loads(path.read_text()) for path in sorted((HERE / "corpus").glob("*.json"))}
DIFFERENCES = HERE.parent.parent / "docs" / "language.md"


def test_the_corpus_is_not_small():
    assert sum(len(cases) for cases in CORPUS.values()) >= 1500
    assert len(CORPUS["programs"]) >= 90


@pytest.mark.parametrize("name", ["expressions", "combinations"])
def test_recorded_expressions(name, expression):
    wrong = []
    for case in CORPUS[name]:
        ours = expression(case["source"])
        same = ours == {"value": case["value"]} if "value" in case else "error" in ours
        if not same:
            wrong.append((case, ours))
    assert not wrong


def test_recorded_errors_read_alike(expression):
    """Nearly all errors have starlark-go's very words, so that what people know of them holds."""
    failing = [case for case in CORPUS["expressions"] if "error" in case]
    different = [(case, ours) for case in failing if (ours := expression(case["source"])) != {"error": case["error"]}]
    assert len(failing) > 200
    assert len(different) <= 6, different


@pytest.mark.parametrize("case", CORPUS["programs"], ids=lambda case: case["source"][:40])
def test_recorded_programs(case, program):
    refused_by_gate = (case["error"] or "").startswith("spec:")
    if not refused_by_gate:
        assert program(case["source"]) == {"printed": case["printed"], "error": case["error"]}


def _rows():
    for line in DIFFERENCES.read_text().splitlines():
        cells = re.fullmatch(r"\| `(.*)` \| (?:`(.*)`|error) \| (?:`(.*)`|error) \|", line)
        if cells:
            yield cells.groups()


def test_the_documented_differences_are_true(expression, ask):
    rows = list(_rows())
    assert len(rows) >= 5
    theirs = ask([{"kind": "expression", "source": source} for source, _, _ in rows])
    for (source, go, here), answer in zip(rows, theirs, strict=True):
        ours = expression(source)
        assert ("error" in answer) if go is None else answer == {"value": go}, (source, answer)
        assert ("error" in ours) if here is None else ours == {"value": here}, (source, ours)
