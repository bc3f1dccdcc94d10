"""Lists and dicts as Python and Starlark share them, and what a load may cost."""

from __future__ import annotations

import pytest

from faultbox.spec.semantics import budget
from faultbox.spec.semantics.errors import EvalError, nearest
from faultbox.spec.semantics.numbers import decimal
from faultbox.spec.semantics.values import Dict, List, adopt, freeze, type_name


def test_dict_keys_are_starlarks():
    made = Dict([(1, "int"), (True, "bool"), (1.0, "float"), ((1, True), "tuple"), (float("nan"), "nan")])
    assert list(made)[:2] == [1, True]
    assert len(made) == 4
    assert (made[1], made[True], made[(1, True)], made[float("nan")]) == ("float", "bool", "tuple", "nan")
    assert True in made
    assert False not in made
    assert (1, 1) not in made
    assert made.get((1, 1), "none") == "none"
    with pytest.raises(EvalError, match="unhashable type: list"):
        made.put(List(), 1)


def test_equality_reaches_into_python_values():
    assert List([1, Dict([("a", (1, True))])]) == [1, {"a": (1, True)}]
    assert List([1]) != [True]
    assert Dict([("a", 1)]) != {"a": True}
    assert List([1]) != (1,)


def test_adopted_values_are_starlarks():
    made = adopt({"a": [1, ({"b": []},)]})
    assert (type_name(made), type_name(made["a"]), type_name(made["a"][1][0]["b"])) == ("dict", "list", "list")
    kept = List([1])
    assert adopt(kept) is kept


def test_freezing_reaches_everything():
    inner = List([1])
    outer = Dict([("t", (1, (inner,))), ((1, 2), List())])
    outer["t"][1][0].append(outer)
    outer.freeze()
    for change in (lambda: inner.check_mutable("append to"), lambda: outer.put(1, 2), outer.empty):
        with pytest.raises(EvalError, match=r"cannot .* frozen"):
            change()


def test_freezing_shared_tuples_takes_no_time():
    value = (List(),)
    for _ in range(200):
        value = (value, value)
    freeze(value)


def test_a_budget_ends_a_load_and_only_that():
    budget.charge(10**12)
    with budget.limited(100):
        budget.charge(100)
        assert not budget.spent()
        with pytest.raises(EvalError, match="does too much work while loading"):
            budget.charge(1)
        assert budget.spent()
    budget.charge(10**12)


def test_integers_of_any_size_are_written():
    for value in (0, -5, 10**4299, -(10**9000) + 7, 2**65535, 10**4000, 10**8000):
        with_limit = decimal(value)
        assert sum(int(digit) for digit in with_limit.lstrip("-")) % 9 == abs(value) % 9
        assert len(with_limit.lstrip("-")) == digits(abs(value))


def digits(value: int) -> int:
    count = 1
    while value >= 10:
        value //= 10
        count += 1
    return count


@pytest.mark.parametrize(
    ("name", "candidates", "meant"),
    [
        ("fault_asumption", ["fault", "fault_assumption"], "fault_assumption"),
        ("dependsOn", ["depends_on", "env"], "depends_on"),
        ("x", ["y", "z"], ""),
        ("zebra", ["service", "interface"], ""),
        ("", ["a"], ""),
    ],
)
def test_the_nearest_name(name, candidates, meant):
    assert nearest(name, candidates) == meant
