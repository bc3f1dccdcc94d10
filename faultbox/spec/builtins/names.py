"""The law by which cases are named, for those who check ids and those who make cases."""

from __future__ import annotations

from collections.abc import Iterable

from faultbox.model.spec import Function, Test
from faultbox.spec.builtins.values import function_name


def test_id(name: str) -> str:
    """The id of a test of this name: `test_` goes before it unless it is there."""
    return name if name.startswith("test_") else f"test_{name}"


def cell_id(scenario: str, fault: str) -> str:
    """`matrix_order_creation_db_down`."""
    return f"matrix_{scenario}_{fault}"


def scenario_names(tests: Iterable[Test]) -> dict[Function, str]:
    """What registered scenarios are called in the ids of their cells: their function's name, or the one given."""
    names: dict[Function, str] = {}
    for each in tests:
        if each.kind == "scenario":
            own = function_name(each.body)
            names[each.body] = own if each.id == test_id(own) else each.id.removeprefix("test_")
    return names
