"""Steps, and how responses and events look in a spec."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from faultbox.model.event import Event
from faultbox.model.host import Response, SpecError
from faultbox.spec.semantics.errors import EvalError

Run = Callable[..., Any]
DEFAULTS = {"path": "/", "body": "", "headers": {}, "query": {}, "timeout_ms": 30_000.0}


@pytest.mark.parametrize(
    "call",
    ["api.public.get()", "api.get()", "step(api.public, 'get')", "step(api, 'get')", "getattr(api.public, 'get')()"],
)
def test_ways_to_write_a_step(run: Run, host: Any, call: str) -> None:
    assert run(f"return {call}.status") == 200
    assert host.done == [("step", "api.public", "get", DEFAULTS)]


def test_arguments_reach_the_client_as_plain_values(run: Run, host: Any) -> None:
    run(
        'api.post(path = "/o", body = {"a": [1, (2,)]}, headers = {"X": "y"}, query = {"q": "1"}, json = None,'
        ' timeout = "500ms")\napi.put("/p", b"raw")\ndb.main.send("x")\ndb.send(data = b"y", timeout = "1s")\n'
    )
    assert [each[2:] for each in host.done] == [
        (
            "post",
            {
                "path": "/o",
                "body": {"a": [1, [2]]},
                "headers": {"X": "y"},
                "query": {"q": "1"},
                "json": None,
                "timeout_ms": 500.0,
            },
        ),
        ("put", DEFAULTS | {"path": "/p", "body": b"raw"}),
        ("send", {"data": "x", "timeout_ms": 30_000.0}),
        ("send", {"data": b"y", "timeout_ms": 1000.0}),
    ]
    assert type(host.done[0][3]["body"]) is dict
    assert type(host.done[0][3]["body"]["a"]) is list


MORE = """
two = service("two", "bin/db", interface("a", "http", 81), interface("b", "http", 82), interface("c", "tcp", 83))
q = service("q", "bin/db", interface("main", "mysql", 84))
"""


def test_mistakes_in_steps(run: Run, host: Any, mistake: tuple[str, list[str]]) -> None:
    body, (wanted,) = mistake
    with pytest.raises(SpecError) as caught:
        run(body, before=MORE)
    assert f"[{caught.value.code}] {caught.value}".startswith(wanted)
    assert host.done == []


def test_mistakes_in_attributes(run: Run, mistake: tuple[str, list[str]]) -> None:
    body, (wanted,) = mistake
    with pytest.raises(EvalError) as caught:
        run(body, before=MORE)
    assert wanted in str(caught.value)


def test_shorthand_goes_to_the_one_interface_that_can(run: Run, host: Any) -> None:
    run("two.send('x')", before=MORE)
    assert host.done[0][1] == "two.c"


def test_what_a_response_shows(run: Run, host: Any) -> None:
    host.response = Response(
        503,
        {"Content-Type": "text/plain"},
        "no",
        {"a": [1]},
        {"a": "1"},
        ok=False,
        duration_ms=8.4,
        protocol="http",
    )
    shown = run(
        "r = api.get()\nh = r.headers\n"
        "return [r.status, r.status_code, r.body, r.data['a'][0], r.fields['a'], r.ok, r.error, r.duration_ms,"
        " h['content-type'], h.get('X'), h.get('CONTENT-TYPE'), list(h), h.items(),"
        " str(r), str(r.headers), type(r), type(r.data)]"
    )
    assert list(shown) == [
        503, 503, "no", 1, "1", False, "", 8.4, "text/plain", None, "text/plain", ["Content-Type"],
        [("Content-Type", "text/plain")], 'response(status=503, body="no", duration_ms=8)',
        '{"Content-Type": "text/plain"}', "response", "dict",
    ]  # fmt: skip


def test_a_response_that_is_an_error(run: Run, host: Any) -> None:
    host.response = Response(error="connection refused", protocol="http")
    assert run("return str(api.get())") == 'response(error="connection refused", duration_ms=0)'


def test_what_a_response_holds_is_frozen(run: Run, host: Any) -> None:
    host.response = Response(200, data={"a": []}, protocol="http")
    with pytest.raises(Exception, match="cannot append to frozen list"):
        run("api.get().data['a'].append(1)")


def test_a_tcp_response_equals_its_text(run: Run, host: Any) -> None:
    host.response = Response(body="PONG", ok=True, protocol="tcp")
    compared = run("r = db.send('x')\nreturn [r == 'PONG', 'PONG' == r, r != 'PONG', r == 'x', r in ['PONG'], r == 5]")
    assert list(compared) == [
        True, True, False, False, True, False,
    ]  # fmt: skip
    host.response = Response(200, body="PONG", protocol="http")
    assert run("return api.get() == 'PONG'") is False


EVENT = Event(5, "stdout", "api", {"stock": "-1", "get": "x"}, {"action": "INSERT", "n": 3}, seq=7)


def test_what_an_event_shows(run: Run, host: Any) -> None:
    host.trace = [EVENT]
    shown = run(
        "e = events()[0]\nd = e.data\n"
        "return [e['type'], e.type, e.service, e.seq, e['stock'], e.stock, e.get('stock'), e.get('no'),"
        " e.get('no', 1), e.missing, 'x' in e.missing, d.get('action'), d['n'], e.fields['stock'], 'stock' in e,"
        " 'no' in e, str(e), type(e)]"
    )
    assert list(shown) == [
        "stdout", "stdout", "api", 7, "-1", "-1", "-1", None, 1, "", False, "INSERT", 3, "-1", True, False,
        'event(seq=7, type="stdout", service="api", stock="-1", get="x")', "event",
    ]  # fmt: skip


def test_a_field_that_is_not_there_is_an_error_in_brackets(run: Run, host: Any) -> None:
    host.trace = [EVENT]
    with pytest.raises(Exception, match='key "no" not in event'):
        run("events()[0]['no']")


def test_structs(run: Run) -> None:
    assert list(
        run(
            "s = struct(b = 1, a = 'x')\n"
            "return [s.b, str(s), s == struct(a = 'x', b = 1), s != struct(b = 1), s == 1, dir(s)]"
        )
    ) == [1, 'struct(a = "x", b = 1)', True, True, False, ["a", "b"]]


def test_what_a_struct_holds_is_frozen_with_its_file(run: Run) -> None:
    with pytest.raises(Exception, match="cannot append to frozen list"):
        run("s.items.append(1)", before="s = struct(items = [])\ns.items.append(0)")
