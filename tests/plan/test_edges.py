"""Which edges, message rules and network a case needs: of its assumptions, and of what its functions may arm."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from faultbox import plan as planner
from faultbox.model.message import Edge
from faultbox.model.plan import Needs
from faultbox.model.spec import Spec

PUBLIC = {"driver>api.public", "db>api.public", "cache>api.public", "odd>api.public"}
MAIN = {"driver>db.main", "api>db.main", "cache>db.main", "odd>db.main"}
CACHE = {"driver>cache.main", "db>cache.main", "api>cache.main", "odd>cache.main"}
DECLARED = """
odd = service("odd", "bin/db", interface("main", "kafka", 9092))
limited = fault_assumption("limited", target = api.public, rules = [response(status = 429)])
gone = fault_assumption("gone", target = db.main, rules = [drop(), delay(delay = "1s")], source = api)
worst = fault_assumption("worst", faults = [limited, gone, full])
twice = fault_assumption("twice", faults = [limited, worst])
NAMES = struct(store = db)
def hurt(what):
    fault(what, run = get)
"""


@pytest.fixture
def need(load: Callable[..., Spec]) -> Callable[..., Needs]:
    def needed(text: str, name: str = "") -> Needs:
        spec = load(DECLARED + text)
        cases = {case.id: case for case in planner.plan(spec, seed=1).cases}
        return planner.needs(cases[name] if name else next(iter(cases.values())), spec)

    return needed


def shown(edges: tuple[Edge, ...]) -> set[str]:
    return {f"{each.caller}>{each.service}.{each.interface}" for each in edges}


def cell(name: str) -> tuple[str, str]:
    return f"fault_matrix(scenarios = [get], faults = [{name}])", f"matrix_get_{name}"


def test_a_case_without_message_faults_needs_no_network(need: Callable[..., Needs]) -> None:
    for text, name in (cell("full"), ("def test_x():\n    fault(db, write = deny('EIO'), run = get)\n", "test_x")):
        found = need(text, name)
        assert (found.edges, found.message_rules, found.network) == ((), (), False)
        assert not any(each.endswith((".faults", ".proxy")) for each in found.imports)


def test_rules_are_met_on_the_edges_of_all_callers_and_of_the_driver(need: Callable[..., Needs]) -> None:
    found = need(*cell("limited"))
    assert [each.caller for each in found.edges] == ["db", "cache", "odd", "driver"]
    assert found.edges[0] == Edge("db", "api", "public", "http", 8080)
    assert found.network
    assert [(rule.id, rule.source, rule.assumption) for rule in found.message_rules] == [
        ("limited/api.public/response", "", "limited")
    ]
    assert found.imports[-2:] == ("faultbox.protocols.http.faults", "faultbox.proxy")


def test_a_source_narrows_to_its_edge(need: Callable[..., Needs]) -> None:
    found = need(*cell("gone"))
    assert found.edges == (Edge("api", "db", "main", "tcp", 5432),)
    assert [rule.source for rule in found.message_rules] == ["api", "api"]


def test_composed_assumptions_need_all_edges_and_system_calls(need: Callable[..., Needs]) -> None:
    found = need(*cell("worst"))
    assert shown(found.edges) == PUBLIC | {"api>db.main"}
    assert "write" in found.filters["db"]
    assert [rule.id for rule in found.message_rules] == [
        "worst/limited/api.public/response",
        "worst/gone/db.main/drop/api",
        "worst/gone/db.main/delay/api",
    ]


def test_what_is_composed_in_twice_is_one_rule(need: Callable[..., Needs]) -> None:
    assert sum(rule.assumption == "limited" for rule in need(*cell("twice")).message_rules) == 1


def test_the_control_of_a_cell_needs_no_network(need: Callable[..., Needs]) -> None:
    assert not need(cell("limited")[0], "test_get").network


ARMED: list[tuple[str, set[str]]] = [
    ("fault(api.public, error(), run = get)", PUBLIC),
    ("fault_start(api.public, error())", PUBLIC),
    ("fault(run = get, api.public, error())", PUBLIC),
    ("fault(NAMES.store.main, drop(), run = get)", MAIN),
    ("fault(db.main, drop(), source = api, run = get)", {"api>db.main"}),
    ("fault(db.main, drop(), source = 'driver', run = get)", {"driver>db.main"}),
    ("fault(db.main, drop(), source = None, run = get)", MAIN),
    ("fault(db.main, drop(), source = odd, run = lambda: fault(db.main, hang(), run = get))", MAIN),
    ("callers = [api]\n    fault(db.main, drop(), source = callers[0], run = get)", MAIN),
    ("fault(gone, run = get)", {"api>db.main"}),
    ("fault(odd.main, drop(), run = get)", set()),
    ("hurt(full)", PUBLIC | {"api>db.main"}),
    ("for each in [db.main]:\n        fault(each, drop(), run = get)", PUBLIC | MAIN | CACHE),
    ("for each in [db.main]:\n        fault(each, drop(), source = api, run = get)", {"api>db.main", "api>cache.main"}),
    ("for each in [db]:\n        fault(each, write = deny('EIO'), run = get)", set()),
    ("for each in [db]:\n        fault_all([each], write = deny('EIO'), run = get)", set()),
    ("f = fault\n    f(db.main, drop(), run = get)", PUBLIC | MAIN | CACHE),
    ("fault(run = get, *[db.main, drop()])", PUBLIC | MAIN | CACHE),
    ("fault(**{'service': gone, 'run': get})", PUBLIC | {"api>db.main"}),
]


@pytest.mark.parametrize(("body", "wanted"), ARMED, ids=[body for body, _ in ARMED])
def test_inline_message_faults_are_read_from_the_text(need: Callable[..., Needs], body: str, wanted: set[str]) -> None:
    found = need(f"def test_x():\n    {body}\n")
    assert shown(found.edges) == wanted
    assert found.network is bool(wanted)
    assert found.message_rules == ()


def test_an_interface_says_nothing_of_system_calls(need: Callable[..., Needs]) -> None:
    assert need("def test_x():\n    fault(api.public, error(), run = get)\n").filters == {}


@pytest.mark.parametrize(
    ("body", "network"),
    [
        ("partition(db, api)", True),
        ("partition_start(db, api)", True),
        ("part = [partition]\n    part[0](db, api)", True),
        ("partition_stop(db, api)", False),
        ("get()", False),
    ],
)
def test_partitions_need_the_network_but_no_edges(need: Callable[..., Needs], body: str, network: bool) -> None:
    found = need(f"def test_x():\n    {body}\n")
    assert (found.network, found.edges) == (network, ())
