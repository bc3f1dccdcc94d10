"""Faults on messages: what their words mean on an interface, and what its protocol does not have."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pytest

from faultbox.model.fault import Trigger
from faultbox.model.message import MessageFault
from faultbox.model.protocols import GENERIC, PROTOCOLS
from faultbox.model.spec import Spec

Load = Callable[..., Spec]
Problems = Callable[..., list[str]]

SERVICES = """
cache = service("cache", "bin/db", interface("main", "redis", 6379))
bus = service("bus", "bin/db", interface("main", "kafka", 9092))
store = service("store", "bin/db", interface("main", "postgres", 5433))
stats = service("stats", "bin/db", interface("main", "udp", 8125))
web, tcp_, redis_, sql, udp_ = api.public, db.main, cache.main, store.main, stats.main
"""


@pytest.fixture
def bound(load: Load) -> Callable[..., tuple[MessageFault, ...]]:
    """The faults of rules=[...] on an interface: web (http), tcp_, redis_ or sql (postgres)."""

    def loaded(rules: str, target: str = "web") -> tuple[MessageFault, ...]:
        spec = load(f'{SERVICES}a = fault_assumption("a", target = {target}, rules = [{rules}])\n')
        return spec.assumptions["a"].rules

    return loaded


BOTH = {"status": 503, "body": '{"error":"no"}'}
MEANINGS: list[tuple[str, str, str, Mapping[str, str], Mapping[str, Any]]] = [
    ('response(method="POST", path="/data/*", status=503, body=\'{"error":"no"}\')', "response", "request",
     {"method": "POST", "path": "/data/*"}, BOTH),
    ("response(status_code=503, delay_ms=20)", "response", "request", {}, {"status": 503, "delay_ms": 20.0}),
    ("response(delay_ms=3000)", "response", "request", {}, {"delay_ms": 3000.0}),
    ('response(body={"a": [1, None]}, headers={"X": "y"})', "response", "request", {},
     {"body": {"a": [1, None]}, "headers": {"X": "y"}}),
    ('response(status=403, match={"body": "*card*", "headers": {"X-Tenant": "a*"}})', "response", "request",
     {"body": "*card*", "headers.X-Tenant": "a*"}, {"status": 403}),
    ('response(status=503, side="response", match={"status": 200})', "response", "response",
     {"status": "200"}, {"status": 503}),
    ('error(path="/x", message="no")', "error", "request", {"path": "/x"}, {"message": "no"}),
    ('error(op="GET")', "error", "request", {"method": "GET"}, {}),
    ('delay(path="/data/*", delay="1.5s")', "delay", "request", {"path": "/data/*"}, {"delay_ms": 1500.0}),
    ('delay(delay="1s", side="response", match={"status": "5*"})', "delay", "response",
     {"status": "5*"}, {"delay_ms": 1000.0}),
    ('delay(delay="1s", query="a=1*", json={"user.id": 7, "ok": True})', "delay", "request",
     {"query": "a=1*", "json.user.id": "7", "json.ok": "True"}, {"delay_ms": 1000.0}),
    ('drop(method="POST", query={"page": "2"})', "drop", "request", {"method": "POST", "query.page": "2"}, {}),
    ("drop(after_bytes=10)", "drop", "response", {}, {"after_bytes": 10}),
    ('drop(after_bytes=10, side="request")', "drop", "request", {}, {"after_bytes": 10}),
    ("drop(refuse=True)", "drop", "request", {}, {"refuse": True}),
    ("error(status_code=0, drop=True)", "drop", "request", {}, {"refuse": True}),
    ("error(drop=True, nth=2)", "drop", "request", {}, {"refuse": True}),
    ('reset(headers={"Host": "a"})', "reset", "request", {"headers.Host": "a"}, {}),
    ('hang(body="*x*")', "hang", "request", {"body": "*x*"}, {}),
    ("duplicate(method='POST')", "duplicate", "request", {"method": "POST"}, {}),
    ("slow(rate=1000)", "slow", "response", {}, {"rate": 1000.0}),
    ('slow(rate=0.5, side="request")', "slow", "request", {}, {"rate": 0.5}),
    ('truncate(path="/big")', "truncate", "response", {"path": "/big"}, {}),
    ("truncate(after_bytes=0)", "truncate", "response", {}, {"after_bytes": 0}),
    ("corrupt(offset=3, length=2)", "corrupt", "response", {}, {"offset": 3, "length": 2}),
    ('rewrite(json={"total": 0}, headers={"Etag": None})', "rewrite", "response", {},
     {"json": {"total": 0}, "headers": {"Etag": None}}),
    ('rewrite(status=200, match={"status": "404"})', "rewrite", "response", {"status": "404"}, {"status": 200}),
]  # fmt: skip


@pytest.mark.parametrize("meaning", MEANINGS, ids=[each[0] for each in MEANINGS])
def test_what_words_mean_on_http(bound: Callable[..., Any], meaning: tuple[str, str, str, Any, Any]) -> None:
    written, action, side, match, arguments = meaning
    (fault,) = bound(written)
    assert (fault.action, fault.side, fault.match, fault.arguments) == (action, side, match, arguments)


ELSEWHERE: list[tuple[str, str, str, str, Mapping[str, str], Mapping[str, Any]]] = [
    ("redis_", 'error(command="SET", message="READONLY")', "error", "request", {"command": "SET"},
     {"message": "READONLY"}),
    ("redis_", "response(value=None)", "response", "request", {}, {"value": None}),
    ("redis_", 'response(collection="a*", value=[1, "b"])', "response", "request", {"key": "a*"}, {"value": [1, "b"]}),
    ("redis_", 'rewrite(value="x", key="a")', "rewrite", "response", {"key": "a"}, {"value": "x"}),
    ("redis_", 'drop(side="response", value="x*")', "drop", "response", {"value": "x*"}, {}),
    ("sql", 'error(query="INSERT INTO orders*", message="disk full")', "error", "request",
     {"query": "INSERT INTO orders*"}, {"message": "disk full"}),
    ("sql", 'error(tables="orders", params={"1": 7}, table_name="t", code="23505")', "error", "request",
     {"table": "orders", "params.1": "7"}, {"table_name": "t", "code": "23505"}),
    ("tcp_", 'response(op="PING", body=b"PONG")', "response", "request", {"method": "PING"}, {"body": b"PONG"}),
    ("tcp_", 'hang(data="a b*")', "hang", "request", {"data": "a b*"}, {}),
]  # fmt: skip


@pytest.mark.parametrize("meaning", ELSEWHERE, ids=[each[1] for each in ELSEWHERE])
def test_what_words_mean_elsewhere(bound: Callable[..., Any], meaning: tuple[str, str, str, str, Any, Any]) -> None:
    target, written, action, side, match, arguments = meaning
    (fault,) = bound(written, target)
    assert (fault.action, fault.side, fault.match, fault.arguments) == (action, side, match, arguments)


def test_triggers_and_labels(bound: Callable[..., Any]) -> None:
    (fault,) = bound('drop(nth=6, first=9, after=2, every=3, probability="50%", label="x")')
    assert (fault.trigger, fault.label) == (Trigger(6, 9, 2, 3, 0.5), "x")
    assert str(fault.position) == "spec.star:10:50"


def test_rules_stay_in_order_and_one_needs_no_list(load: Load, bound: Callable[..., Any]) -> None:
    assert [str(each.action) for each in bound('hang(), delay(delay="1s"), error()')] == ["hang", "delay", "error"]
    spec = load('a = fault_assumption("a", target = api.public, rules = drop(), source = db)')
    made = spec.assumptions["a"]
    assert (made.target, made.interface, made.source, made.faults) == ("api", "public", "db", ())
    assert hash(made) == hash(made)
    assert [each.text for each in made.rules] == ["drop()"]


def test_the_driver_is_a_source(load: Load) -> None:
    spec = load('a = fault_assumption("a", target = api.public, rules = [drop()], source = "driver")')
    assert spec.assumptions["a"].source == "driver"


def test_a_fault_can_be_used_on_several_interfaces(load: Load) -> None:
    text = """
slow_all = delay(delay = "1s", label = "all")
for_http = fault_assumption("h", target = api.public, rules = [slow_all])
for_tcp = fault_assumption("t", target = db.main, rules = [slow_all])
shown = str(slow_all) + " " + slow_all.label
fault_assumption(shown.split("(")[0], faults = [for_http, for_tcp])
"""
    spec = load(text)
    assert [spec.assumptions[each].rules[0].text for each in "ht"] == ["delay(delay_ms=1000.0)"] * 2
    assert spec.assumptions["delay"].children == (spec.assumptions["h"], spec.assumptions["t"])


def test_faults_that_never_fire_are_warned_of(load: Load) -> None:
    spec = load(
        'a = fault_assumption("a", target = api.public, rules = [drop(probability = 0)])\nscenario(api.get, name="x")'
    )
    assert [each.message for each in spec.warnings if each.code == "NEVER_FIRES"] == [
        "drop(): probability=0 means never"
    ]


def test_mistakes_in_messages(problems: Problems, mistake: tuple[str, list[str]]) -> None:
    text, wanted = mistake
    assert problems(SERVICES + text) == wanted


@pytest.mark.parametrize("name", [each.name for each in PROTOCOLS.values() if each.actions])
def test_tables_keep_the_words_apart(name: str) -> None:
    """A word that the action takes hides the match key of its name: only those that match= is documented for may."""
    protocol = PROTOCOLS[name]
    for form in protocol.actions.values():
        keys = {key for key, each in protocol.match.items() if set(each.sides) & set(form.sides)}
        assert {each.name for each in form.arguments} & keys <= {"status", "body", "headers", "json", "value"}
        known = {"match", "side", "label", "nth", "first", "after", "every", "probability"}
        assert not known & (keys | {each.name for each in form.arguments})


def test_the_tables_have_what_the_builtins_give() -> None:
    assert {action: [each.name for each in form.arguments] for action, form in GENERIC.items()} == {
        "delay": ["delay"],
        "drop": ["after_bytes", "refuse"],
        "reset": ["after_bytes", "refuse"],
        "hang": [],
        "duplicate": [],
        "slow": ["rate"],
        "truncate": ["after_bytes"],
        "corrupt": ["offset", "length"],
    }


RECIPES = {
    "http": "rate_limited unauthorized forbidden server_error service_unavailable maintenance_window gateway_timeout"
    " flaky slow_endpoint connection_drop",
    "postgres": "deadlock serialization_failure lock_not_available too_many_connections read_only_transaction disk_full"
    " admin_shutdown connection_failure slow_query slow_writes",
    "redis": "oom cluster_down loading readonly_replica busy noauth wrongtype slow_command connection_drop",
    "udp": "packet_loss dns_flap metrics_slow jitter blackhole",
}


@pytest.mark.parametrize("name", list(RECIPES))
def test_recipes_fit_their_protocol(load: Load, name: str) -> None:
    target = {"http": "web", "redis": "redis_", "postgres": "sql", "udp": "udp_"}[name]
    each = ", ".join(f"recipes.{recipe}(label = '{recipe}', nth = 2)" for recipe in RECIPES[name].split())
    spec = load(
        f'load("@faultbox/recipes/{name}.star", recipes = "{name}")\n{SERVICES}'
        f'a = fault_assumption("a", target = {target}, rules = [{each}])'
    )
    rules = spec.assumptions["a"].rules
    assert [rule.label for rule in rules] == RECIPES[name].split()
    assert {rule.trigger.nth for rule in rules} == {2}
    assert {rule.position.file for rule in rules} == {"spec.star"}


STATUSES = [("rate_limited", 429), ("unauthorized", 401), ("forbidden", 403), ("server_error", 500),
            ("service_unavailable", 503), ("gateway_timeout", 504), ("flaky", 500)]  # fmt: skip


@pytest.mark.parametrize(("recipe", "status"), STATUSES)
def test_http_recipes(load: Load, recipe: str, status: int) -> None:
    spec = load(
        'load("@faultbox/recipes/http.star", broken = "http")\n'
        f'a = fault_assumption("a", target = api.public, rules = [broken.{recipe}("/orders*", method = "PUT")])'
    )
    (rule,) = spec.assumptions["a"].rules
    assert rule.match == {"path": "/orders*", "method": "PUT"}
    assert rule.arguments["status"] == status
    assert rule.trigger.probability == (0.2 if recipe == "flaky" else 1)


def test_udp_recipes(load: Load) -> None:
    spec = load(
        f'load("@faultbox/recipes/udp.star", "udp")\n{SERVICES}a = fault_assumption("a", target = udp_, rules = ['
        "udp.packet_loss(), udp.packet_loss(0.3, data = 'x*'), udp.dns_flap(), udp.metrics_slow(), udp.jitter('5ms')])"
    )
    assert [(each.text, each.trigger.probability) for each in spec.assumptions["a"].rules] == [
        ("drop()", 1.0),
        ("drop(data='x*')", 0.3),
        ("drop()", 0.5),
        ("delay(delay_ms=1000.0)", 1.0),
        ("delay(delay_ms=5.0)", 0.5),
    ]


STATES = [("deadlock", "40P01"), ("serialization_failure", "40001"), ("lock_not_available", "55P03"),
          ("too_many_connections", "53300"), ("read_only_transaction", "25006"), ("disk_full", "53100"),
          ("admin_shutdown", "57P01")]  # fmt: skip


@pytest.mark.parametrize(("recipe", "state"), STATES)
def test_postgres_recipes(load: Load, recipe: str, state: str) -> None:
    spec = load(
        f'load("@faultbox/recipes/postgres.star", "postgres")\n{SERVICES}'
        f'a = fault_assumption("a", target = sql, rules = [postgres.{recipe}(table = "orders")])'
    )
    (rule,) = spec.assumptions["a"].rules
    assert rule.arguments == {"code": state}
    assert rule.match["table"] == "orders"
    assert rule.match.keys() == {"table", "command" if recipe == "too_many_connections" else "query"}


CODES = [("oom", "OOM"), ("cluster_down", "CLUSTERDOWN"), ("loading", "LOADING"), ("readonly_replica", "READONLY"),
         ("busy", "BUSY"), ("noauth", "NOAUTH"), ("wrongtype", "WRONGTYPE")]  # fmt: skip


@pytest.mark.parametrize(("recipe", "code"), CODES)
def test_redis_recipes(load: Load, recipe: str, code: str) -> None:
    spec = load(
        f'load("@faultbox/recipes/redis.star", "redis")\n{SERVICES}'
        f'a = fault_assumption("a", target = redis_, rules = [redis.{recipe}(), redis.{recipe}("k*", command = "SET")])'
    )
    everything, some = spec.assumptions["a"].rules
    assert (everything.match, everything.arguments) == ({}, {"message": code})
    assert (some.match, some.arguments) == ({"command": "SET", "key": "k*"}, {"message": code})
