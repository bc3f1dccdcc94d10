"""Values of scenarios as JSON and back."""

from __future__ import annotations

import json
import math
from typing import Any

import pytest

from faultbox.model.host import Response
from faultbox.spec import recorded
from faultbox.spec.semantics.compare import equal
from faultbox.spec.semantics.values import Dict, List


def there_and_back(value: object) -> Any:
    return recorded.revive(json.loads(json.dumps(recorded.record(value))))


@pytest.mark.parametrize(
    "value",
    [None, True, 0, -(1 << 200), 1.5, "", "naïve \udcff", List([1, "a"]), (1, (2,)), Dict([(1, "one"), ("x", List())])],
    ids=repr,
)
def test_a_value_comes_back_as_it_was(value: object) -> None:
    again = there_and_back(value)
    assert type(again) is type(value)
    assert equal(again, value)


def test_a_response_comes_back_whole() -> None:
    response = Response(
        status=201,
        headers={"etag": "x"},
        body="stored",
        data={"id": [1, 2]},
        fields={"rows": "1"},
        ok=True,
        error="",
        duration_ms=1.25,
        protocol="http",
    )
    again = there_and_back(response)
    assert equal(again.data, Dict([("id", List([1, 2]))]))
    assert {name: getattr(again, name) for name in ("status", "headers", "body", "fields", "ok", "duration_ms")} == {
        name: getattr(response, name) for name in ("status", "headers", "body", "fields", "ok", "duration_ms")
    }


@pytest.mark.parametrize(
    ("value", "why"),
    [
        (object(), "it holds a object"),
        (math.inf, "it holds a float"),
        (1 << 300, "it holds a int"),
        ("x" * (recorded.MAX_CHARACTERS + 1), "larger than 64 KiB"),
        (List(["x" * 40_000, "x" * 40_000]), "larger than 64 KiB"),
    ],
    ids=["object", "inf", "huge", "long", "long-together"],
)
def test_what_can_t_be_told_says_so(value: object, why: str) -> None:
    with pytest.raises(recorded.NotRecorded, match=why):
        there_and_back(value)


def test_a_bottomless_value_says_so() -> None:
    value: Any = ()
    for _ in range(100):
        value = (value,)
    with pytest.raises(recorded.NotRecorded, match="nested deeper"):
        there_and_back(value)


@pytest.mark.parametrize(
    "shape",
    [
        None,
        {},
        {"type": []},
        {"type": "int", "value": True},
        {"type": "list"},
        {"type": "dict", "items": [1]},
        {"type": "dict", "items": [[{"type": "list", "items": []}, {"type": "none"}]]},
        {"type": "response"},
    ],
    ids=repr,
)
def test_a_stranger_s_record_is_no_traceback(shape: object) -> None:
    with pytest.raises(recorded.NotRecorded):
        recorded.revive(shape)
