"""What applications' HTTP clients make of a proxy before a real server, and of each fault."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Rule = Callable[..., Any]

TOUR = [
    ("GET", "/fixed"),
    ("GET", "/fixed?a=1&a=%20b"),
    ("HEAD", "/fixed"),
    ("GET", "/chunked"),
    ("GET", "/zipped"),
    ("GET", "/large"),
    ("GET", "/empty"),
    ("GET", "/status/404"),
    ("GET", "/status/500"),
    ("POST", "/echo", "a=caf\u00e9"),
    ("POST", "/echo", "x" * 100_000),
    ("GET", "/old"),
    ("GET", "/fixed"),
]


def tour(client: Any, port: int) -> list[Any]:
    return [each.answer for each in client.ask(port, *TOUR)]


def test_without_rules_all_is_as_without_a_proxy(client: Any, door: Any, server: int) -> None:
    direct = tour(client, server)
    assert [each[0] for each in direct] == [200, 200, 200, 200, 200, 200, 204, 404, 500, 200, 200, 200, 200]
    assert tour(client, door.port) == direct


def test_with_rules_that_do_not_match_too(client: Any, door: Any, server: int, rule: Rule) -> None:
    door.rules(
        rule("error", "/never"),
        rule("rewrite", method="NEVER", side="response", status=418),
        rule("corrupt", "/never", side="response"),
        rule("truncate", "/never", side="response"),
    )
    assert tour(client, door.port) == tour(client, server)
    assert door.counts().seen == len(TOUR)
    assert all(door.counts(index).fired == 0 for index in range(4))


def test_an_error_is_the_client_s_own(client: Any, door: Any, rule: Rule) -> None:
    door.rules(rule("error", "/fi*", status=503, message="down"))
    outcome = client.get(door.port, "/fixed")
    assert (outcome.status, outcome.error) == (503, client.unavailable)
    assert ["content-type", "application/json"] in [[name.lower(), value] for name, value in outcome.headers]
    assert client.get(door.port, "/chunked").status == 200
    assert door.counts().fired == 1


def test_a_made_up_answer_leaves_the_connection_in_step(client: Any, door: Any, server: int, rule: Rule) -> None:
    door.rules(rule("response", "/fixed", status=429, body="slow down", headers={"Retry-After": "1"}))
    asks = (("GET", "/chunked"), ("GET", "/fixed"), ("POST", "/fixed", "x" * 100_000), ("GET", "/large"))
    given = client.ask(door.port, *asks)
    assert [each.status for each in given] == [200, 429, 429, 200]
    assert [each.size for each in given[1:3]] == [9, 9]
    assert ["retry-after", "1"] in [[name.lower(), value] for name, value in given[1].headers]
    assert given[3].answer == client.get(server, "/large").answer


def test_a_delay_is_waited_for_once(client: Any, door: Any, rule: Rule) -> None:
    """Once for the answer, and not for each of its chunks."""
    door.rules(rule("delay", "/chunked", side="response", delay_ms=300))
    _, slow, quick = client.ask(door.port, ("GET", "/fixed"), ("GET", "/chunked"), ("GET", "/fixed"))
    assert (slow.status, slow.size, slow.error) == (200, 75_011, "")
    assert (quick.status, quick.error) == (200, "")
    assert 300 <= slow.ms < 4 * 300
    assert door.counts().fired == 1


@pytest.mark.parametrize("side", ["request", "response"])
def test_a_dropped_connection(client: Any, door: Any, rule: Rule, side: str) -> None:
    door.rules(rule("drop", "/echo", side=side))
    dropped, after = client.ask(door.port, ("POST", "/echo", "x"), ("GET", "/chunked"))  # some ask again for a GET
    assert dropped.error in client.dropped
    assert (after.status, after.error) == (200, "")
    assert door.counts().fired == 1


@pytest.mark.parametrize("path", ["/fixed", "/chunked"])
def test_a_truncated_answer(client: Any, door: Any, rule: Rule, path: str) -> None:
    door.rules(rule("truncate", path, side="response", after_bytes=500))
    assert client.get(door.port, path).error in client.cut
    assert door.counts().fired == 1
    assert client.get(door.port, "/large").status == 200
