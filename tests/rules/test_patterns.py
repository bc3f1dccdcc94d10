"""Globs over paths, texts and words."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultbox.rules import patterns


@pytest.mark.parametrize(
    ("kind", "pattern", "value", "fits"),
    [
        ("path", "/data/*", "/data/a", True),
        ("path", "/data/*", "/data/a/b", True),
        ("path", "/data/*", "/data", False),
        ("path", "/api/*/orders", "/api/v1/orders", True),
        ("path", "/api/*/orders", "/api/v1/x/orders", False),
        ("path", "/api/**/orders", "/api/v1/x/orders", True),
        ("path", "/api/v?", "/api/v1", True),
        ("path", "/api/v?", "/api/v/", False),
        ("path", "/search*", "/search/x/y", True),
        ("path", "*", "/anything/at/all", True),
        ("path", "/a.b", "/axb", False),
        ("path", "/A", "/a", False),
        ("text", "orders:*", "orders:1/2\n3", True),
        ("text", "orders:?", "orders:12", False),
        ("text", "[a]", "a", False),
        ("word", "po*", "POST", True),
        ("word", "GET", "get", True),
    ],
)
def test_what_fits(kind: str, pattern: str, value: str, *, fits: bool) -> None:
    assert patterns.tester(kind, pattern)(value) is fits  # type: ignore[arg-type]


def test_a_protocols_own_globs_are_not_compared_here() -> None:
    with pytest.raises(ValueError, match="by its protocol"):
        patterns.tester("own", "x")


@settings(deadline=None)
@given(st.text(max_size=20))
def test_a_text_without_wildcards_fits_itself_alone(text: str) -> None:
    plain = text.replace("*", "").replace("?", "")
    for kind in ("path", "text", "word"):
        test = patterns.tester(kind, plain)  # type: ignore[arg-type]
        assert test(plain)
        assert not test(plain + "x")
