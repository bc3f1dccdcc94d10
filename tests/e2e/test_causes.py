"""What steps caused in examples/orders: an event loop, threads, Redis; one order at a time, and twenty at once."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from faultbox import evidence
from faultbox.evidence.causality import flows_of, trees
from faultbox.evidence.trace import trace
from faultbox.model.event import Event
from faultbox.trace.causes import Causes, Request, causes
from faultbox.trace.order import order
from faultbox.trace.places import Places
from faultbox.trace.streams import Streams, in_order

pytestmark = pytest.mark.root

CLONE = Path(__file__).parents[2]
ORDERS = f"""
cache = service("cache", "redis-server", interface("main", "redis", 6379),
    args = ["--port", "6379", "--dir", "/tmp", "--loglevel", "warning"])
inventory = service("inventory", "{sys.executable}", interface("http", "http", 8081),
    args = ["{CLONE}/examples/orders/inventory.py"],
    env = {{"PORT": "8081", "DATA": "/tmp/inventory", "ORDERS_VARIANT": "fixed"}},
    healthcheck = http("http://localhost:8081/health", expect_status = 200),
    observe = [observe.stdout(decoder = decoder("json")), observe.files("/tmp/inventory/**")])
api = service("api", "{sys.executable}", interface("public", "http", 8080),
    args = ["{CLONE}/examples/orders/api.py"],
    env = {{"PORT": "8080", "CACHE_ADDR": cache.main.addr, "INVENTORY_ADDR": inventory.http.addr,
           "ORDERS_VARIANT": "fixed"}},
    depends_on = [cache, inventory], healthcheck = http("http://localhost:8080/health", expect_status = 200))

def order(number):
    # Nobody sells out of this: a quantity of less than nothing gives back.
    return api.post(path = "/orders", body = {{"item": "widget", "quantity": -number}})

def after_the_last(number):
    # Each comes when the inventory has just written down the one before, whose answer it still holds back.
    def go():
        assert_eventually(type = "stdout", event = "reserved", quantity = str(1 - number), within = "60s")
        return order(number)
    return go

def test_in_turn():
    for number in range(1, 6):
        order(number)
    assert_before(first = {{"type": "step_send"}}, then = {{"type": "stdout", "event": "reserved"}}, causal = True)
    sent, reserved = events(type = "step_send")[0], events(type = "stdout", event = "reserved")[0]
    assert_true(sent.happens_before(reserved))
    assert_true(not reserved.happens_before(sent))

def test_twenty():
    order(0)
    fault(inventory, write = delay("1s", on = "socket"), run = lambda: parallel(
        *[after_the_last(number) for number in range(1, 21)]))

def test_rush():
    parallel(*[lambda n = number: order(n) for number in range(1, 21)])

def test_red():
    fault(inventory.http, delay(path = "/reservations*", delay = "300ms"), run = lambda: order(1))
    cache.main.get(key = "nobody asked for it")
    assert_true(False)
"""


class Case:
    """What a case left: its events, and what caused what. Every order is told by its quantity."""

    def __init__(self, bundle: Path, name: str) -> None:
        with evidence.open(bundle) as found:
            (directory,) = [each for each in found.directories() if each.endswith(name)]
            self.events = list(trace(found, directory))
            self.flows = flows_of(found, directory)
            self.trees = trees(found, directory)
            self.told = found.result(directory).causes
        self.known: Causes = causes(self.events, self.flows)

    def reserved(self) -> Iterator[tuple[str, Event]]:
        for event in self.events:
            if event.type == "stdout" and event.fields.get("event") == "reserved":
                yield event.fields["quantity"], event

    def step(self, quantity: str) -> Request:
        ends = f"'quantity': {quantity}}}"
        (found,) = [each for each in self.known.steps if each.step and each.step.fields["summary"].endswith(ends)]
        return found


@pytest.fixture(scope="module")
def ran(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The bundle of one run of all tests, and what it printed."""
    place = tmp_path_factory.mktemp("orders")
    (place / "spec.star").write_text(ORDERS)
    done = subprocess.run(
        [sys.executable, "-m", "faultbox", "test", "spec.star", "--seed", "1", "--output", "o.fb"],
        cwd=place, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "FAULTBOX_STATE_DIR": str(place / "state"), "NO_COLOR": "1"},
    )  # fmt: skip
    assert (done.returncode, "3 passed, 1 failed" in done.stdout) == (1, True), done.stdout + done.stderr
    return place / "o.fb", done.stdout


def test_one_order_after_the_other_is_known_whole_or_left_open(ran: tuple[Path, str]) -> None:
    found = Case(ran[0], "test_in_turn")
    for quantity, event in found.reserved():
        step = found.step(quantity)
        assert found.known.step_of(event) in (None, step)
        if found.known.step_of(event) is step:
            (api,) = step.requests
            (reservation,) = [each for each in api.requests if each.service == "inventory"]
            assert found.known.of(event) is reservation
            assert {each.fields["op"] for each in reservation.events if each.type == "file"} <= {"write", "sync"}
            assert 0 < reservation.service_ns <= reservation.total_ns < api.total_ns < step.total_ns
    assert [each["step"] for each in found.trees] == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("name", ["test_in_turn", "test_twenty", "test_rush"])
def test_a_line_has_the_time_at_which_it_was_written(ran: tuple[Path, str], name: str) -> None:
    found = Case(ran[0], name)
    streams = Streams(in_order(found.flows))
    places = Places(found.events, streams)
    lines = [event for event in found.events if event.type == "stdout" and event.fields.get("event") == "reserved"]
    for line in lines:
        wrote = [streams.flows[each] for each in places.printed(line)]
        assert wrote[0].began_ns <= line.time_ns <= wrote[-1].time_ns
    assert [event.time_ns for event in found.events] == sorted(event.time_ns for event in found.events)


def test_twenty_orders_at_once_are_never_taken_for_one_another(ran: tuple[Path, str]) -> None:
    found = Case(ran[0], "test_twenty")
    lines = dict(found.reserved())
    assert len(lines) == 21
    steps = {quantity: found.step(quantity) for quantity in lines}
    of = {quantity: found.known.step_of(event) for quantity, event in lines.items()}
    assert all(step in (None, steps[quantity]) for quantity, step in of.items())
    assert max(_others_under_way(step, list(steps.values())) for step in steps.values()) >= 1
    for quantity in [quantity for quantity, step in of.items() if step is None]:
        reservation = found.known.of(lines[quantity])
        if reservation is not None:  # then it is open only for whom the API asked for it
            assert any(reservation in each.possible for each in steps[quantity].requests)


def _others_under_way(step: Request, others: list[Request]) -> int:
    return sum(each.asked_ns < step.asked_ns < each.heard_ns for each in others)


def test_orders_are_known(ran: tuple[Path, str]) -> None:
    """How many, that is the host's affair: where a timer may have run meanwhile, or another's answer have come, they
    are left open. With a given order of events, tests/trace/causality says which."""
    of = []
    for name in ("test_in_turn", "test_twenty", "test_rush"):
        found = Case(ran[0], name)
        of += [found.known.step_of(event) for _, event in found.reserved()]
    assert len(of) == 46
    assert any(of)


def test_a_rush_is_left_open_where_it_must_be(ran: tuple[Path, str]) -> None:
    found = Case(ran[0], "test_rush")
    for quantity, event in found.reserved():
        assert found.known.step_of(event) in (None, found.step(quantity))


def test_a_line_comes_of_the_step_that_asked_for_it_and_not_of_one_after_it(ran: tuple[Path, str]) -> None:
    found = Case(ran[0], "test_in_turn")
    known = order(found.events, found.flows)
    lines = dict(found.reserved())
    first, second = found.step("-1").step, found.step("-2").step
    assert first is not None
    assert second is not None
    assert known.before(first, lines["-1"]) is True
    assert known.before(second, lines["-1"]) is False
    assert known.path(first, lines["-1"])[0].from_lane == "driver"
    assert known.path(first, lines["-1"])[-1].to_lane == "inventory"


def test_a_proxied_request_and_what_a_rule_did_to_it_are_one(ran: tuple[Path, str]) -> None:
    first = Case(ran[0], "test_red").trees[0]
    (api,) = first["requests"]
    (reservation,) = [each for each in api["requests"] if each["service"] == "inventory"]
    assert (reservation["proxied"], reservation["caller"]) == (True, "api")
    assert reservation["between_ms"] >= 300 > reservation["service_ms"]
    assert ["proxy /reservations delay(300ms)", 1] in reservation["did"]


def test_a_red_case_shows_what_its_last_step_caused(ran: tuple[Path, str]) -> None:
    assert "what the step caused:\n    step 2 cache.main get" in ran[1]
    told = Case(ran[0], "test_red").told
    assert told is not None
    assert [each["service"] for each in told["requests"]] == ["cache"]
    assert Case(ran[0], "test_in_turn").told is None
