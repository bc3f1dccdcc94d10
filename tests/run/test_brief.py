"""A result stays small whatever services and specs say."""

from __future__ import annotations

from faultbox.run.brief import PRINTED, TEXT, clipped, printed


def test_what_is_short_stays_as_it_is() -> None:
    assert clipped("x" * TEXT) == "x" * TEXT
    assert list(printed(["a", "", "b\nc"])) == ["a", "", "b\nc"]


def test_what_is_long_says_how_long_it_is() -> None:
    assert clipped("abcdef", 3) == "abc ... (6 characters)"
    assert list(printed(["x" * 1_000_000])) == [f"{'x' * TEXT} ... (1000000 characters)"]


def test_what_is_much_says_how_much_more_there_is() -> None:
    *said, last = printed(["x" * 10_000] * 250)
    assert sum(map(len, said)) == PRINTED
    assert last == "... (and 150 more prints)"
