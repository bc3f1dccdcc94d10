"""Which interfaces `--pcap` names, and what a case needs for them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from faultbox import plan as planner
from faultbox.model.spec import Spec

TESTS = """
odd = service("odd", "bin/db", interface("main", "kafka", 9092))
def test_one():
    get()
def test_two():
    fault(api.public, error(path = "/x", status = 500), run = get)
"""


@pytest.fixture
def spec(load: Callable[..., Spec]) -> Spec:
    return load(TESTS)


@pytest.mark.parametrize(
    ("patterns", "meant"),
    [
        ((), set()),
        (("db.main",), {("db", "main")}),
        (("*.main",), {("db", "main"), ("cache", "main")}),
        (("db.*", "api.public"), {("db", "main"), ("api", "public")}),
        (("*",), {("db", "main"), ("cache", "main"), ("api", "public")}),
    ],
)
def test_names_and_globs(spec: Spec, patterns: tuple[str, ...], meant: set[tuple[str, str]]) -> None:
    assert planner.plan(spec, seed=1, pcap=patterns).captured == meant


@pytest.mark.parametrize(
    ("pattern", "said", "advice"),
    [
        ("db.mian", "no interface is called 'db.mian'; did you mean 'db.main'?", "there are: db.main, cache.main, "),
        ("db", "no interface is called 'db'", "there are: db.main"),
        ("x.*", "no interface is called 'x.*'", "there are: db.main"),
        ("odd.main", "odd.main can't be captured: kafka has no proxy yet", "http, "),
    ],
)
def test_what_it_can_t_name(spec: Spec, pattern: str, said: str, advice: str) -> None:
    with pytest.raises(planner.NothingSelected) as raised:
        planner.plan(spec, seed=1, pcap=("db.main", pattern))
    assert said in str(raised.value)
    assert advice in raised.value.advice


def test_every_case_gets_the_edges_of_all_callers(spec: Spec) -> None:
    plan = planner.plan(spec, seed=1, pcap=("db.main",))
    for case in plan.cases:
        found = planner.needs(case, spec, captured=plan.captured)
        assert {(each.caller, each.service) for each in found.captures} == {
            ("cache", "db"), ("api", "db"), ("odd", "db"), ("driver", "db"),
        }  # fmt: skip
        assert found.network
        assert "faultbox.proxy" in found.imports
        assert set(found.captures) <= set(found.edges)
        assert any(each.service == "api" for each in found.edges) == (case.id == "test_two")
