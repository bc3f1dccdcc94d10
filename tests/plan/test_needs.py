"""What a world must hold for a case: read from what was declared and from what its functions say."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from faultbox import plan as planner
from faultbox.model.plan import Needs
from faultbox.model.spec import Spec
from faultbox.model.syscalls import FAMILIES, expand

Load = Callable[..., Spec]
WRITE, FSYNC, OPEN, CONNECT = FAMILIES["write"], FAMILIES["fsync"], FAMILIES["open"], frozenset({"connect"})


@pytest.fixture
def need(load: Load) -> Callable[..., Needs]:
    """The needs of the first case of a spec (or the one named)."""

    def needed(text: str, name: str = "", *, blind: str = "", **files: str) -> Needs:
        spec = load(text, **files)
        cases = {case.id: case for case in planner.plan(spec, seed=1).cases}
        return planner.needs(cases[name] if name else next(iter(cases.values())), spec, blind=blind)

    return needed


def watched(found: Needs) -> dict[str, frozenset[str]]:
    """Per service the calls that are events without a rule, whoever reports them."""
    names = found.observed.keys() | found.watched.keys()
    seen = {name: found.observed.get(name, frozenset()) | found.watched[name].calls for name in names}
    return {name: calls for name, calls in seen.items() if calls}


def test_a_case_without_faults_needs_no_filter(need: Callable[..., Needs]) -> None:
    found = need("scenario(get)")
    assert found.services == ("db", "cache", "api")
    assert (found.filters, found.observed, found.rules, found.lines) == ({}, {}, (), frozenset())
    assert found.imports == ("faultbox.protocols.http.client", "faultbox.protocols.tcp.client")


def test_connect_is_met_at_both_ends(need: Callable[..., Needs]) -> None:
    found = need("fault_matrix(scenarios = [get], faults = [down])", "matrix_get_down")
    assert found.filters == {"db": CONNECT, "cache": CONNECT, "api": CONNECT}
    assert found.io_uring_blocked == {"db", "cache", "api"}
    assert [(rule.service, rule.direction, rule.assumption) for rule in found.rules] == [
        ("db", "out", "down"),
        ("api", "in", "down"),
        ("cache", "in", "down"),
    ]


def test_the_control_of_a_cell_needs_none_of_its_filters(need: Callable[..., Needs]) -> None:
    assert need("fault_matrix(scenarios = [get], faults = [down])", "test_get").filters == {}


def test_assumptions_are_composed(need: Callable[..., Needs]) -> None:
    found = need("fault_matrix(scenarios = [get], faults = [both])", "matrix_get_both")
    assert found.filters == {"db": CONNECT | WRITE, "cache": CONNECT, "api": CONNECT}
    assert {rule.assumption for rule in found.rules} == {"down", "full"}


ARMED = [
    ('fault(db, fsync = deny("EIO"), run = get)', {"db": FSYNC}),
    ('fault(db, wal = deny("EIO"), run = get)', {"db": FSYNC}),
    ('fault(service = db, fsync = deny("EIO"), run = get)', {"db": FSYNC}),
    ('fault(run = get, fsync = deny("EIO"), db)', {"db": FSYNC}),
    ('fault(db, openat = FAULT, run = get)', {"db": expand("openat")}),
    ('fault(db, run = get, **KEYWORDS)', {"db": FSYNC}),
    ('fault(db, run = get, **{"fsync": deny("EIO")})', {"db": FSYNC}),
    ('fault(db, connect = deny("EIO"), run = get)', {"db": CONNECT, "api": CONNECT, "cache": CONNECT}),
    ('fault_start(db, fsync = deny("EIO"))', {"db": FSYNC}),
    ('fault_all([db, cache], fsync = deny("EIO"), run = get)', {"db": FSYNC, "cache": FSYNC}),
    ('fault_all(SERVICES, fsync = deny("EIO"), run = get)', {"db": FSYNC, "cache": FSYNC}),
    ('fault(NAMES.store, fsync = deny("EIO"), run = get)', {"db": FSYNC}),
    ('fault(TABLE["store"], fsync = deny("EIO"), run = get)', {"db": FSYNC}),
    ('fault(SERVICES[1], fsync = deny("EIO"), run = get)', {"cache": FSYNC}),
    ("fault(full, run = get)", {"db": WRITE}),
    ('ALIAS(db, fsync = deny("EIO"), run = get)', {"db": FSYNC}),
    ("helper()", {"db": FSYNC}),
    ("HELPERS[0]()", {"db": FSYNC}),
    ("parallel(helper, get)", {"db": FSYNC}),
    ("(lambda: helper())()", {"db": FSYNC}),
    ("nested()", {"db": FSYNC}),
    ("NAMES.helper()", {"db": FSYNC}),
    ("defaulted()", {"db": FSYNC}),
    ("captured()", {"db": FSYNC}),
    ('fault(db, fsnc = deny("EIO"), run = get)', {}),
    ("get()", {}),
]  # fmt: skip
HELPERS = """
FAULT = deny("EIO")
KEYWORDS = {"fsync": deny("EIO")}
SERVICES = [db, cache]
TABLE = {"store": db}
ALIAS = fault
def helper():
    return fault(db, fsync = deny("EIO"), run = get)
HELPERS = [helper]
NAMES = struct(store = db, helper = helper)
def nested():
    def inner():
        fault(db, fsync = deny("EIO"), run = get)
    inner()
def defaulted(f = helper):
    f()
def make(f):
    return lambda: f()
captured = make(helper)
"""


@pytest.mark.parametrize(("body", "wanted"), ARMED, ids=[body for body, _ in ARMED])
def test_inline_faults_are_read_from_the_text(
    need: Callable[..., Needs], body: str, wanted: dict[str, frozenset[str]]
) -> None:
    assert need(f"{HELPERS}\ndef test_x():\n    {body}\n").filters == wanted


def test_modules_are_read_with_names_of_their_own(need: Callable[..., Needs]) -> None:
    module = """
store = service("store", "bin/db")
full = fault_assumption("more_full", target = store, fsync = deny("EIO"))
def hurt():
    fault(full, run = deeper)
def deeper():
    trace_start(store, syscalls = ["open"])
"""
    found = need('load("more.star", harm = "hurt")\ndef test_x():\n    harm()\n', more=module)
    assert found.filters == {"store": FSYNC}
    assert watched(found) == {"store": OPEN}


EVERYTHING = {"db": CONNECT | WRITE, "api": CONNECT | WRITE, "cache": CONNECT | WRITE}
UNREADABLE = [
    "for each in [down, full]:\n        fault(each, run = get)",
    "choose = down if get() else full\n    fault(choose, run = get)",
    "f = fault\n    f(db, **{})",
    "[fault][0](db, run = get)",
    "fault(run = get, *[db])",
    "helper(full)",
]


@pytest.mark.parametrize("body", UNREADABLE)
def test_what_cannot_be_read_is_taken_for_everything(need: Callable[..., Needs], body: str) -> None:
    found = need(f"def helper(what):\n    fault(what, run = get)\ndef test_x():\n    {body}\n")
    assert found.filters == EVERYTHING


def test_an_unknown_service_may_be_any(need: Callable[..., Needs]) -> None:
    found = need('def hurt(svc):\n    fault(svc, fsync = deny("EIO"), run = get)\ndef test_x():\n    hurt(db)\n')
    assert all(found.filters[each] >= FSYNC for each in ("db", "api", "cache"))


def test_a_parameter_hides_a_global(need: Callable[..., Needs]) -> None:
    found = need('def hurt(db):\n    fault(db, fsync = deny("EIO"), run = get)\ndef test_x():\n    hurt(cache)\n')
    assert found.filters["cache"] >= FSYNC


def test_unknown_keywords_may_be_those_that_the_text_spells(need: Callable[..., Needs]) -> None:
    found = need("def test_x():\n    for each in ['mmap']:\n        fault(db, run = get, **{each: deny('EIO')})\n")
    assert found.filters["db"] >= {"mmap"} | WRITE | CONNECT


def test_unknown_keywords_may_be_those_that_a_helper_is_handed(need: Callable[..., Needs]) -> None:
    found = need(
        "def hurt(path, **kinds):\n    return fault(db, run = lambda: api.get(path = path), **kinds)\n"
        "def test_x():\n    hurt('/', fsync = deny('EIO'))\n    hurt(path = '/', wal = deny('EIO'))\n",
        "test_x",
    )
    assert found.filters["db"] >= FSYNC


def test_unknown_keywords_may_be_those_of_any_dict(need: Callable[..., Needs]) -> None:
    found = need(
        "KINDS = {'mmap': deny('EIO')}\ndef hurt(kinds):\n    fault(db, run = get, **kinds)\n"
        "def test_x():\n    hurt(KINDS)\n"
    )
    assert found.filters["db"] >= {"mmap"}


NAMES = ("db", "api", "cache")
OBSERVED = [
    ('trace(db, syscalls = ["open", "fsync"], run = get)', {"db": OPEN | FSYNC}),
    ('trace_start(db, syscalls = CALLS)', {"db": OPEN}),
    ('assert_never(service = "db", syscall = "open")', {"db": OPEN}),
    ("assert_never(service = db, syscall = 'open')", {"db": OPEN}),
    ("events(service = 'db', syscall = 'wal')", {"db": FSYNC}),
    ('assert_before(first = {"service": "db", "syscall": "open"}, then = {"type": "print"})', {"db": OPEN}),
    ('assert_eventually(service = "db", syscall = "open", decision = "deny*")', {}),
    ('assert_eventually(service = "db", decision = "deny*")', {}),
    ('assert_never(service = "db", where = lambda e: e.syscall == "mmap")', {"db": frozenset({"mmap"})}),
    ('assert_never(where = is_open)', {"db": OPEN, "api": OPEN, "cache": OPEN}),
    ('assert_never(lambda e: e.get("syscall") == "mmap")', dict.fromkeys(NAMES, frozenset({"mmap"}))),
    ('events(where = lambda e: e.data.get("action") == "write")', {}),
    ("assert_never(where = lambda e: e.syscall in CALLS)", dict.fromkeys(NAMES, OPEN)),
    ("assert_never(where = lambda e: e['syscall'] == CALLS[0])", dict.fromkeys(NAMES, OPEN)),
    ('assert_never(syscall = "open")', {"db": OPEN, "api": OPEN, "cache": OPEN}),
    ('assert_never(service = "d*", syscall = "open")', {"db": OPEN, "api": OPEN, "cache": OPEN}),
]  # fmt: skip


@pytest.mark.parametrize(("body", "wanted"), OBSERVED, ids=[body for body, _ in OBSERVED])
def test_what_assertions_name_is_observed(
    need: Callable[..., Needs], body: str, wanted: dict[str, frozenset[str]]
) -> None:
    text = f'CALLS = ["open"]\ndef is_open(e):\n    return e.syscall == "open"\ndef test_x():\n    {body}\n'
    assert watched(need(text)) == wanted
    assert need(text).filters == {}
    blind = need(text, blind="no BPF here")
    assert (blind.observed, blind.filters, blind.watched) == (wanted, wanted, {})


UNNAMED = [
    ('assert_never(service = "db", type = "syscall")', {"db"}),
    ('assert_never(service = "db", type = "syscall", path = "/etc/*")', {"db"}),
    ('assert_never(service = "db", decision = "allow")', {"db"}),
    ('assert_eventually(service = "db", syscall = "f*")', {"db"}),
    ('assert_never(where = lambda e: e.type == "syscall" and e.path == "/x")', {"db", "api", "cache"}),
    ('assert_never(where = lambda e: e.type == "syscall" and e.decision != "allow")', {"db", "api", "cache"}),
    ('assert_never(where = lambda e: e.type == "syscall" and e.decision.startswith("deny"))', set()),
    ('assert_never(type = "syscall", decision = "deny(EIO)")', set()),
    ('events(type = "syscall")', {"db", "api", "cache"}),
    ('assert_never(type = "sys*", service = "db")', {"db"}),
    ('assert_never(service = "db", path = "/etc/*")', {"db"}),
    ('assert_never(service = "db", errno = "EACCES")', {"db"}),
    ('assert_never(service = "db", method = "GET", path = "/etc/*")', set()),
    ('ask = assert_never\n    ask(type = "syscall")', {"db", "api", "cache"}),
    ('assert_never(where = [lambda e: e.seq > 5][int("0")])', {"db", "api", "cache"}),
    ('assert_never(**{"type": "syscall"})', {"db", "api", "cache"}),
    ('monitor("m", on = {"service": "db"}, check = lambda e: e.get("path") != "/etc/x")', {"db"}),
]


@pytest.mark.parametrize(("body", "wanted"), UNNAMED, ids=[body for body, _ in UNNAMED])
def test_a_proof_about_calls_without_a_name_needs_them_all(
    need: Callable[..., Needs], body: str, wanted: set[str]
) -> None:
    found = need(f"def test_x():\n    {body}\n")
    assert watched(found).keys() == wanted
    assert all(calls > OPEN | WRITE | CONNECT | {"getpid"} for calls in watched(found).values())


def test_a_call_that_a_filter_notifies_is_not_reported_twice(need: Callable[..., Needs]) -> None:
    found = need('def test_x():\n    fault(db, fsync = deny("EIO"), run = get)\n    assert_never(type = "syscall")\n')
    assert found.observed["db"] == found.filters["db"] == FSYNC
    assert not found.watched["db"].calls & FSYNC
    assert found.watched["api"].calls > FSYNC


WATCHED = [
    ("get()", set()),
    ('assert_never(type = "file", service = "db")', {("db", "file")}),
    ('assert_never(path = "/etc/*", service = db)', {("db", "file")}),
    ('assert_never(service = db, syscall = "open", path = "/etc/*")', set()),
    ('assert_eventually(type = "socket", op = "refused", service = "api")', {("api", "socket")}),
    ('events(where = lambda e: e.type == "socket" and e.service == "db")', {("db", "socket")}),
    ('assert_never(type = "f*", service = "db")', {("db", "file")}),
    (
        'monitor("m", on = match.any({"type": "file"}, lambda e: e.seq == 1), check = lambda e: False)',
        {(each, "file") for each in NAMES},
    ),
    ('assert_never(where = lambda e: e.path.startswith("/etc"))', {(each, "file") for each in NAMES}),
    ('monitor(lambda e: e.get("type") != "file")', {(each, "file") for each in NAMES}),
]


@pytest.mark.parametrize(("body", "wanted"), WATCHED, ids=[body for body, _ in WATCHED])
def test_whose_files_and_sockets_become_events(
    need: Callable[..., Needs], body: str, wanted: set[tuple[str, str]]
) -> None:
    found = need(f"def test_x():\n    {body}\n").watched
    files = {(name, "file") for name, watch in found.items() if watch.files}
    assert files | {(name, "socket") for name, watch in found.items() if watch.sockets} == wanted


LINES = [
    ("get()", set()),
    ('assert_eventually(type = "stdout", service = "api")', {"api"}),
    ('assert_eventually(type = "syscall", decision = "deny*")', set()),
    ('assert_eventually(service = "api", stock = "1")', {"api"}),
    ('assert_never(type = "std*")', {"db", "api", "cache"}),
    ("events()", {"db", "api", "cache"}),
    ("events(where = lambda e: e.type == 'wal')", {"db", "api", "cache"}),
    ("asked = events\n    asked()", {"db", "api", "cache"}),
]


@pytest.mark.parametrize(("body", "wanted"), LINES, ids=[body for body, _ in LINES])
def test_whose_lines_become_events(need: Callable[..., Needs], body: str, wanted: set[str]) -> None:
    assert need(f"def test_x():\n    {body}\n").lines == wanted


def test_observed_output_and_monitors_need_lines(need: Callable[..., Needs]) -> None:
    assert need('service("s", "bin/db", observe = [observe.stdout()])\nscenario(get)').lines == {"s"}
    assert need("monitor(lambda e: None)\nscenario(get)").lines == {"db", "cache", "api"}


def test_everything_that_runs_in_a_case_is_read(need: Callable[..., Needs]) -> None:
    text = (
        "def hurt(*_):\n    fault(db, fsync = deny('EIO'), run = get)\n"
        "test('a', get, setup = hurt)\n"
        "fault_scenario('b', scenario = get, faults = full, expect = lambda r: hurt())\n"
        "fault_scenario('d', scenario = get, faults = full)\n"
    )
    assert need(text, "test_a").filters == {"db": FSYNC}
    assert need(text, "b").filters == {"db": FSYNC | WRITE}
    assert need(text, "d").filters == {"db": WRITE}
    seeded = "s = service('s', 'bin/db', seed = lambda: trace(db, syscalls = ['fsync'], run = get))\nscenario(get)"
    assert watched(need(seeded)) == {"db": FSYNC}


def test_a_builtin_as_expectation(need: Callable[..., Needs]) -> None:
    found = need("fault_scenario('b', scenario = get, faults = full, expect = expect_success())", "b")
    assert found.filters == {"db": WRITE}


SEES_FSYNC = "def no_fsync(e):\n    if e.syscall == 'fsync':\n        fail('no')\n"


@pytest.mark.parametrize(
    "text",
    [
        SEES_FSYNC + "monitor(no_fsync)\nscenario(get)\n",
        SEES_FSYNC + "def test_x():\n    monitor(no_fsync, service = db)\n    get()\n",
        "def test_x():\n    monitor(lambda e: e.get('syscall') != 'fsync')\n    get()\n",
    ],
)
def test_what_monitors_name_is_observed(need: Callable[..., Needs], text: str) -> None:
    """A monitor that can't see what it is there to forbid would be green for ever."""
    assert watched(need(text))["db"] >= FSYNC


@pytest.mark.parametrize(
    ("on", "lines", "calls", "kinds"),
    [
        ("{'type': 'tail'}", set(), {}, set()),
        ("{'type': 'stdout', 'service': 'db'}", {"db"}, {}, set()),
        ("match.event(type = 'stdout', service = db)", {"db"}, {}, set()),
        ("match.any({'type': 'tail'}, match.event(syscall = 'fsync', service = 'db'))", {"db"}, {"db": FSYNC}, set()),
        ("match.all(match.event(type = 'file'), match.event(service = 'db'))", set(), {}, {("db", "file")}),
        ("match.never()", set(), {}, set()),
    ],
)
def test_what_monitors_are_about_is_all_that_they_need(
    need: Callable[..., Needs], on: str, lines: set[str], calls: object, kinds: set[tuple[str, str]]
) -> None:
    for text in (
        f"monitor('m', on = {on}, check = lambda e: False)\nscenario(get)",
        f"m = {on}\ndef test_x():\n    monitor('m', on = m, check = lambda e: False)\n    get()\n",
    ):
        found = need(text)
        assert (found.lines, watched(found)) == (lines, calls), text
        assert {(name, "file") for name, each in found.watched.items() if each.files} == kinds, text


def test_a_matcher_that_is_written_where_it_is_used_is_read(need: Callable[..., Needs]) -> None:
    text = (
        "def test_x():\n    assert_before(first = match.event(type = 'file', service = db), then = {'type': 'print'})\n"
    )
    assert {name for name, each in need(text).watched.items() if each.files} == {"db"}


def test_files_that_a_service_shows_are_watched_by_their_globs(need: Callable[..., Needs]) -> None:
    service = "s = service('s', 'bin/db', observe = [observe.files('/a/**', '*.b'), observe.tail('/log')])\n"
    shown = need(service + "scenario(get)")
    assert (shown.watched["s"].files, shown.watched["s"].globs, shown.lines) == (True, ("/a/**", "*.b"), set())
    asked = need(service + "def test_x():\n    assert_never(type = 'file', service = s)\n")
    assert asked.watched["s"].globs == ("/a/**", "*.b")
    inside = need(service + "def test_x():\n    assert_never(type = 'file', service = s, path = '/a/b')\n")
    assert inside.watched["s"].globs == ("/a/**", "*.b")
    named = need(service + "def test_x():\n    assert_never(type = 'file', service = s, path = '/etc/*')\n")
    assert (named.watched["s"].files, named.watched["s"].globs) == (True, ())
