"""What a function that judges events must be shown, however it says so: too much at worst, never too little."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from faultbox import plan as planner
from faultbox.model.spec import Spec
from faultbox.plan import ALL_CALLS

Load = Callable[..., Spec]
Demand = set[tuple[str | None, str]]
CALLS: Demand = {(None, ALL_CALLS)}
FILES: Demand = {(None, "file")}
SOCKETS: Demand = {(None, "socket")}
DB_CALLS: Demand = {("db", ALL_CALLS)}
FSYNC: Demand = {(None, "fsync")}
WATCHED: Demand = FILES | SOCKETS | {(None, "process")}

HELPERS = """
def is_call(e):
    return e.type == "syscall"
def is_etc(e):
    if e.type != "syscall":
        return False
    return e.path.startswith("/etc")
def under(path, prefix = "/etc"):
    return path.startswith(prefix)
def refuse(e, what):
    if e.path.startswith("/etc"):
        fail(what)
def only(e, kind):
    return e.type == kind
KIND = "syscall"
KINDS = ["file", "syscall"]
TABLE = {"a": "syscall"}
NAMES = struct(kind = "syscall", check = is_etc)
"""

MEANT: list[tuple[str, Demand]] = [
    ('lambda e: e.type == "stdout" or True', set()),
    ('lambda e: not (e.type == "stdout" and e.path == "/x")', set()),
    ('lambda e: e.get("left") == None or int(e["left"]) >= 0', set()),
    ('lambda e: not (e.type == "syscall" and e.path.startswith("/etc"))', CALLS),
    ('lambda e: e.type != "syscall" or not e.path.startswith("/etc")', CALLS),
    ('lambda e: e["type"] != "syscall" or e["path"] != "/x"', CALLS),
    ('lambda e: e.get("type") != "syscall" or e["path"] != "/x"', CALLS),
    ('lambda e: getattr(e, "type") != "syscall" or e["path"] != "/x"', CALLS),
    ('lambda e: e.type != KIND or e.path != "/x"', CALLS),
    ('lambda e: e.type != NAMES.kind or e.path != "/x"', CALLS),
    ('lambda e: e.type not in ("syscall",) or e.path != "/x"', CALLS),
    ('lambda e: e.type not in KINDS or e.op != "x"', CALLS | FILES),
    ('lambda e: fail("no") if e.type == "syscall" and e.path == "/x" else None', CALLS),
    ("lambda e: not is_etc(e)", CALLS),
    ("lambda e: not NAMES.check(e)", CALLS),
    ('lambda e: not (is_call(e) and under(e.path))', CALLS),
    ('lambda e: not (only(e, "syscall") and e.status == "/x")', CALLS),
    ('lambda e: refuse(e, "no") if is_call(e) else None', CALLS),
    ('lambda e: assert_true(not (e.type == "syscall" and e.path == "/x"))', CALLS),
    ('lambda e: e.path != "/x"', CALLS | FILES),
    ('lambda e: e.get("path", "") != "/x"', CALLS | FILES),
    ('lambda e: e.peer != "db.main"', CALLS | SOCKETS),
    ('lambda e: e.callee != "db"', SOCKETS),
    ('lambda e: e.type != "sys" + "call" or e.seq < 0', CALLS | WATCHED),
    ('lambda e: e.type != "".join(["sys", "call"]) or e.seq < 0', CALLS | WATCHED),
    ('lambda e: e.type != TABLE["a"] or e.seq < 0', CALLS),
    ('lambda e: TABLE.get("b", e.type) != "syscall" or e.seq < 0', CALLS),
    ('lambda e: not e.type.startswith("sys") or e.seq < 0', CALLS),
    ('lambda e: "yscal" not in e.type or e.seq < 0', CALLS | WATCHED),
    ('lambda e: e.type != "syscall" or e.syscall != "fsync"', FSYNC),
    ('lambda e: e.syscall != "fsync"', FSYNC),
    ('lambda e: e.syscall not in ["fsync"]', FSYNC),
    ('lambda e: not (e.service == "db" and e.type == "syscall" and e.path == "/x")', DB_CALLS),
    ('lambda e: e.type != "syscall" or not e.decision.startswith("deny")', set()),
    ('lambda e: e.type != "syscall" or e.syscall == "read" or e.path != "/x"', CALLS),
    ('lambda e: e.type != "syscall" or e.path != "read"', CALLS),
    ('lambda e: e.type != "file" or e.path != "/x"', FILES),
    ('lambda e: e.type != "socket" or e.op != "refused"', SOCKETS),
    ('lambda e: e.type in ("stdout", "stderr") or e.type == "step_recv" or e.path != "/x"', CALLS | FILES),
]  # fmt: skip


def demanded(load: Load, monitors: Iterable[str]) -> list[Demand]:
    """What each of some monitors must be shown."""
    spec = load(HELPERS + "\n".join(monitors) + "\nscenario(get)\n")
    return [asked.observed | asked.watched for asked in map(planner.watched, spec.monitors)]


def wrong(load: Load, table: Sequence[tuple[str, Demand]], monitor: str) -> list[tuple[str, Demand]]:
    """The lines of a table that are not so, with what is: one load for all of them."""
    found = demanded(load, (monitor.format(text=text, n=n) for n, (text, _) in enumerate(table)))
    return [(text, each) for (text, wanted), each in zip(table, found, strict=True) if each != wanted]


def test_what_a_check_may_call_wrong(load: Load) -> None:
    assert wrong(load, MEANT, 'monitor("m{n}", check = {text})') == []


BODIES: list[tuple[str, Demand]] = [
    ('if e.type != "syscall":\n        return\n    if e.path == "/x":\n        fail("no")', CALLS),
    ('if e.type == "syscall":\n        if e.syscall == "fsync":\n            fail("no")', FSYNC),
    ('kind = e.type\n    if kind == "syscall" and e.path == "/x":\n        fail("no")', CALLS | FILES),
    ('event = e\n    if event.type == "syscall" and event.path == "/x":\n        fail("no")', CALLS),
    ('for path in ["/x"]:\n        if e.type == "syscall" and e.path == path:\n            fail("no")', CALLS),
    ('if e.type == "file":\n        return e.path != "/x"\n    return True', FILES),
    ('if e.type == "stdout" and e.path == "/x":\n        fail("no " + e.type)', set()),
    ('if e.get("left"):\n        fail("%s of %s" % (e.type, e.syscall))', set()),
    ('for e in []:\n        pass\n    if e.type == "stdout":\n        return\n    fail(e.path)', set()),
    (
        'bad = [p for p in ["/x"] if e.type == "syscall" and e.path == p]\n    if bad:\n        fail("no")',
        CALLS | FILES,
    ),
    (
        'def wrong():\n        return e.type == "syscall" and e.path == "/x"\n    if wrong():\n        fail("")',
        CALLS | FILES,
    ),
]


def test_what_the_statements_of_a_monitor_mean(load: Load) -> None:
    assert wrong(load, BODIES, "def look{n}(e):\n    {text}\nmonitor(look{n})") == []


STATEFUL: list[tuple[str, Demand]] = [
    ('update = lambda e, n: n + 1 if e.type == "syscall" and e.syscall == "fsync" else n', FSYNC),
    ('update = lambda e, n: n + (1 if e.type == "file" else 0)', FILES),
    ("update = lambda e, n: n + 1", set()),
    ('on = {"type": "syscall"}, update = lambda e, n: n + 1', CALLS),
    ('on = lambda e: e.type == "syscall" and e.syscall == "fsync", update = lambda e, n: n + 1', FSYNC),
    ('on = {"service": "db"}, update = lambda e, n: n + 1 if e.type == "syscall" else n', DB_CALLS),
    ('service = "db", update = lambda e, n: n + 1 if e.type == "syscall" else n', DB_CALLS),
    ('on = match.any({"type": "stdout"}, lambda e: e.type == "file"), update = lambda e, n: n + 1', FILES),
    ('on = match.all(lambda e: e.type == "file", lambda e: e.op == "write"), update = lambda e, n: n + 1', FILES),
    ("on = match.never(), update = lambda e, n: n + 1", set()),
]


def test_what_a_state_is_made_of(load: Load) -> None:
    assert wrong(load, STATEFUL, 'monitor("m{n}", state_init = 0, check = lambda e, n: n <= 3, {text})') == []


def test_helpers_of_other_files_are_followed(load: Load) -> None:
    spec = load(
        'load("more.star", "is_etc")\nmonitor(lambda e: not is_etc(e))\nscenario(get)\n',
        more='def is_etc(e):\n    return e.type == "syscall" and e.path.startswith("/etc")\n',
    )
    assert planner.watched(spec.monitors[0]).observed == CALLS


LOOPS: list[tuple[str, Demand]] = [
    ('[e for e in events() if e.type == "syscall" and e.syscall == "fsync"]', FSYNC),
    ('[e for e in events() if e.type == "file"]', FILES),
    ('[e for e in events() if e.type == "step_recv"]', set()),
    ('for e in events():\n        if e.type == "syscall":\n            fail(e.path)', CALLS),
    ('for e in events():\n        if e.type != "file":\n            continue\n        n = e', FILES),
    ('assert_eq(len(events(type = "syscall", path = "/etc/*")), 0)', CALLS),
    ('for e in events():\n        if e.type == "file":\n            print(e.path)', FILES),
    ('all = events()\n    assert_eq([e for e in all if e.type == "file"], [])', FILES),
    ("assert_true(len(events()) > 0)", set()),
]


def test_what_is_looked_for_among_all_events(load: Load) -> None:
    spec = load("\n".join(f"def test_{n}():\n    {body}\n" for n, (body, _) in enumerate(LOOPS)))
    for case, (body, wanted) in zip(planner.plan(spec, seed=1).cases, LOOPS, strict=True):
        seen = planner.needs(case, spec).watched.values()
        asked = {(None, "file") for each in seen if each.files}
        asked |= {(None, "fsync" if len(each.calls) < 10 else ALL_CALLS) for each in seen if each.calls}
        assert asked == wanted, body
        missing = {"file events" if kind == "file" else "syscall events" for _, kind in wanted - FSYNC}
        blind = planner.needs(case, spec, blind="no BPF here")
        assert blind.unlooped == ("" if "type = " in body else " and ".join(missing)), body


def test_a_type_that_is_none_does_not_look_like_silence(load: Load) -> None:
    asked = planner.watched(load('monitor(lambda e: e.type != "sycall" or e.seq < 0)\nscenario(get)\n').monitors[0])
    assert asked.unknown == {"sycall"}
    elsewhere = load('monitor(lambda e: e.type not in ("topic", "stdout"))\nscenario(get)\n').monitors[0]
    assert planner.watched(elsewhere).unknown == set()


def test_files_beyond_those_that_are_shown_are_watched_where_a_path_is_judged(load: Load) -> None:
    service = 's = service("s", "bin/db", observe = [observe.files("/data/**")])\nscenario(get)\n'
    judge = 'monitor(lambda e: e.type != "file" or e.{})'
    for field, globs in (('path != "/etc/x"', ()), ('op != "unlink"', ("/data/**",))):
        spec = load(service + judge.format(field))
        assert planner.needs(planner.plan(spec, seed=1).cases[0], spec).watched["s"].globs == globs
