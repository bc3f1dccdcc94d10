"""What people read of a rule."""

from __future__ import annotations

import pytest

from faultbox.model.fault import Counts
from faultbox.model.verdict import RuleReport


@pytest.mark.parametrize(
    ("keyword", "action", "unresolved", "ending"),
    [
        ("write", "deny(EIO)", 0, "fired 2"),
        ("write", "deny(EIO)", 1, "fired 2, 1 without a known path"),
        ("rewrite", "rewrite(json={'a': 1})", 1, "fired 2, 1 left as it was"),
        ("rewrite", "rewrite(json={'a': 1})", 3, "fired 2, 3 left as they were"),
    ],
)
def test_what_a_rule_has_counted(keyword: str, action: str, unresolved: int, ending: str) -> None:
    counts = Counts(5, 4, 2, unresolved)
    report = RuleReport("r", "db", "db", keyword, action, "", "", "", "a.star:1:1", counts)
    assert report.counted == f"seen 5, matched 4, {ending}"
