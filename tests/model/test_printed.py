from __future__ import annotations

from typing import Any

import pytest

from faultbox.model.printed import flat, printed


# The right column is what starlark-go's str() gives.
@pytest.mark.parametrize(
    ("value", "text"),
    [
        (1e6, "1e+06"),
        (123456789.0, "1.23456789e+08"),
        (1000000.5, "1.0000005e+06"),
        (1.5e-7, "1.5e-07"),
        (-2.5e10, "-2.5e+10"),
        (0.0001, "0.0001"),
        (-0.00012, "-0.00012"),
        (0.00001, "1e-05"),
        (1e100, "1e+100"),
        (999999.5, "999999.5"),
        (1e16, "1e+16"),
        (12345678901234567890.0, "1.2345678901234567e+19"),
        (5e-324, "5e-324"),
        (0.0, "0.0"),
        (-0.0, "-0.0"),
        (10**30, "1" + "0" * 30),
    ],
)
def test_numbers_as_starlark_prints_them(value: float, text: str) -> None:
    assert printed(value) == text


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, "None"),
        (True, "True"),
        ("a\n", '"a\\n"'),
        ([1, "x"], '[1, "x"]'),
        ({"k": [False]}, '{"k": [False]}'),
        ([], "[]"),
    ],
)
def test_values_as_starlark_prints_them(value: Any, text: str) -> None:
    assert printed(value) == text


def test_flat_keeps_strings_as_they_are() -> None:
    assert flat({"a": "x", "n": 1, "deep": {"b": "y"}}) == {"a": "x", "n": "1", "deep": '{"b": "y"}'}
