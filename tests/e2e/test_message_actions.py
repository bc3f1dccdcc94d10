"""Every action on messages does what the reference says of it, through the whole tool, as a client sees it."""

from __future__ import annotations

import pytest

pytestmark = [pytest.mark.root]

SYSTEM = """
load("@faultbox/recipes/http.star", broken = "http")

db = echo("db", 5432)
api = web("api", 8080, depends_on = [db], observe = [observe.stdout()])
def health(**options):
    return api.get(path = "/health", **options)
def saved():
    return api.get(path = "/file?path=/var/tmp/x").body
def under(*rules, run = health):
    return fault(api.http, run = run, *rules)
"""

REQUESTS = """
def test_response():
    r = under(response(path = "/hea*", status = 429, body = {"wait": 3}, headers = {"Retry-After": "3"}))
    assert_eq((r.status, r.data["wait"], r.headers["retry-after"], r.ok), (429, 3, "3", False))
    assert_eq(health().status, 200)
def test_response_that_only_delays():
    r = under(response(delay_ms = 250))
    assert_true(r.status == 200 and r.body == "ok" and r.duration_ms >= 250, str(r))
def test_error():
    r = under(error(message = "no"))
    assert_eq((r.status, r.data["error"]), (500, "no"))
def test_error_is_not_done():
    under(error(method = "PUT"), run = lambda: api.put(path = "/file?path=/var/tmp/x", body = "y"))
    assert_eq(api.get(path = "/file?path=/var/tmp/x").status, 404)
def test_delays_add_up():
    r = under(delay(delay = "150ms"), delay(path = "/health", delay = "150ms"))
    assert_true(r.status == 200 and r.duration_ms >= 300, str(r))
def test_drop():
    assert_true("closed without an answer" in under(drop()).error)
def test_reset():
    assert_eq(under(reset()).error, "connection reset")
def test_hang():
    assert_eq(under(hang(), run = lambda: health(timeout = "200ms")).error, "timeout")
def test_refuse():
    r = under(error(status_code = 0, drop = True))
    assert_true(not r.ok and r.status == 0, str(r))
    assert_eq(health().status, 200)
def test_duplicate():
    said = lambda: len(events(type = "stdout", service = "api", raw = "line *"))
    r = under(duplicate(), run = lambda: api.post(path = "/print?n=1"))
    assert_eq((r.status, said()), (200, 2), str(r))  # this service ends the connection after one answer
def test_the_first_that_decides_is_done():
    rules = [delay(delay = "150ms"), response(status = 418), response(status = 500)]
    r = fault(api.http, rules[0], rules[1], rules[2], run = health)
    assert_true(r.status == 418 and r.duration_ms >= 150, str(r))
def test_inner_scopes_are_asked_first():
    inner = lambda: fault(api.http, response(status = 418), run = health)
    assert_eq(under(response(status = 500), run = inner).status, 418)
"""

ANSWERS = """
def test_rewrite():
    r = under(rewrite(status = 404, headers = {"X-Seen": "1"}, body = "gone"))
    assert_eq((r.status, r.headers["x-seen"], r.body), (404, "1", "gone"))
def test_rewrite_json():
    r = under(rewrite(json = {"PORT": "1"}), run = lambda: api.get(path = "/env"))
    assert_eq((r.data["PORT"], "PATH" in r.data), ("1", True))
def test_truncate_after_it_was_done():
    put = lambda: api.put(path = "/file?path=/var/tmp/x", body = "y")
    assert_true("middle of the body" in under(truncate(method = "GET", after_bytes = 1)).error)
    under(truncate(method = "PUT"), run = put)
    assert_eq(saved(), "y")
def test_corrupt():
    r = under(corrupt(offset = 0, length = 2))
    assert_true(r.status == 200 and r.body != "ok" and r.headers["content-length"] == "2", str(r))
def test_slow():
    r = under(slow(rate = 500))
    assert_true(r.body == "ok" and r.duration_ms >= 100, str(r))
def test_answers_by_status():
    rule = response(side = "response", match = {"status": "404"}, status = 503)
    assert_eq(under(rule, run = lambda: (health().status, api.get(path = "/nowhere").status)), (200, 503))
"""

MATCHES = """
def test_headers_and_query():
    rule = response(status = 429, query = "a=1*", match = {"headers": {"x-tenant": "a*"}})
    one = lambda query, tenant: api.get(path = "/health?" + query, headers = {"X-Tenant": tenant}).status
    found = under(rule, run = lambda: (one("a=1&b", "acme"), one("a=1&b", "b"), one("b", "acme")))
    assert_eq(found, (429, 200, 200))
def test_parameters_and_bodies():
    rules = [error(query = {"path": "/var/tmp/a b"}), response(status = 418, match = {"json": {"user.id": 7}})]
    put = lambda name, body: api.put(path = "/file", query = {"path": "/var/tmp/" + name}, body = body).status
    def run():
        return (put("a b", "x"), put("b", {"user": {"id": 7}}), put("b", {"user": {"id": 8}}))
    assert_eq(fault(api.http, rules[0], rules[1], run = run), (500, 418, 200))
def test_paths_without_their_query():
    assert_eq(under(response(path = "/health", status = 418), run = lambda: api.get(path = "/health?x=1").status), 418)
def test_triggers():
    several = lambda: [health().status for _ in range(4)]
    assert_eq(under(broken.rate_limited(nth = 2), run = several), [200, 429, 200, 200])
    assert_eq(under(broken.forbidden(first = 2), run = several), [403, 403, 200, 200])
    assert_eq(under(broken.forbidden(after = 2), run = several), [200, 200, 403, 403])
    assert_eq(under(broken.forbidden(every = 2), run = several), [200, 403, 200, 403])
def test_start_and_stop():
    fault_start(api.http, response(status = 418))
    fault_start(api.http, delay(delay = "1ms"), source = "driver")
    assert_eq(health().status, 418)
    fault_stop(api)
    assert_eq(health().status, 200)
def test_any_bytes():
    both = lambda: (db.send(data = "ab").body, db.send(data = "b").body)
    assert_eq(fault(db.main, response(data = "a*", body = "no\\n"), run = both), ("no", "echo b"))
"""


@pytest.mark.parametrize("spec", [REQUESTS, ANSWERS, MATCHES], ids=["requests", "answers", "matches"])
def test_what_a_client_sees(tool, spec: str) -> None:
    outcome = tool.test(SYSTEM + spec)
    reasons = {name: case["reason"] for name, case in outcome.cases.items() if case["verdict"] != "passed"}
    assert not reasons
    assert {case["exercised"] for case in outcome.cases.values()} <= {True}
    assert outcome.code == 0
