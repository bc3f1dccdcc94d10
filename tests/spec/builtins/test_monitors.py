"""monitor(): what it is shown, what state it keeps, and what is said when it is violated."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import pytest

from faultbox.model.event import Event
from faultbox.model.host import AssertionFailed, SpecError
from faultbox.model.source import SpecErrors
from faultbox.model.spec import Monitor, Spec

Load = Callable[..., Spec]


def sold(count: int, seq: int = 1, kind: str = "stdout") -> Event:
    return Event(0, kind, "db", {"count": str(count)}, seq=seq)


def shown(monitor: Monitor, events: Sequence[Event]) -> str:
    """What the monitor finds in a case of these events, "" for nothing."""
    look = monitor.begin()
    try:
        for event in events:
            look(event)
    except AssertionFailed as failed:
        return str(failed)
    return ""


def test_a_violation_points_to_its_event(load: Load) -> None:
    event = sold(1)
    with pytest.raises(AssertionFailed) as caught:
        only(load, "monitor(lambda e: False)").begin()(event)
    assert caught.value.deciding == (event,)


def only(load: Load, text: str) -> Monitor:
    (monitor,) = load(text).monitors
    return monitor


STOCK = """
def take(event, left):
    return left - int(event["count"])
monitor("stock", on = {"type": "stdout"}, state_init = 3, update = take, check = lambda event, left: left >= 0)
"""


def test_a_state_is_kept_between_the_events_that_are_meant(load: Load) -> None:
    stock = only(load, STOCK)
    assert shown(stock, [sold(2), sold(9, kind="stderr"), sold(1)]) == ""
    found = shown(stock, [sold(2), sold(2, seq=7)])
    assert found == "check gave False, at event #7 (stdout of db), state -1"


def test_every_case_begins_with_the_state_that_was_declared(load: Load) -> None:
    """Though lists are changed in place, and update gives nothing back."""
    text = (
        "def note(event, seen):\n    seen['of'].append(event['count'])\n"
        "monitor('m', state_init = {'of': []}, update = note, check = lambda e, s: len(s['of']) < 2)\n"
    )
    monitor = only(load, text)
    for _ in range(2):
        assert shown(monitor, [sold(1), sold(2)]).endswith('state {"of": ["1", "2"]}')
        assert shown(monitor, [sold(1)]) == ""


def test_a_function_may_make_the_first_state(load: Load) -> None:
    monitor = only(load, "monitor('m', state_init = lambda: {}, check = lambda event, state: state != {})")
    assert shown(monitor, [sold(1)]) == "check gave False, at event #1 (stdout of db), state {}"


def test_a_state_may_be_none_again(load: Load) -> None:
    """Only what can be changed in place is kept where update gives nothing."""
    monitor = only(load, "monitor('m', state_init = 1, update = lambda e, s: None, check = lambda e, s: s != None)")
    assert shown(monitor, [sold(1)]).endswith("state None")


@pytest.mark.parametrize(
    ("functions", "said"),
    [
        ("update = lambda e, s: fail('too many')", "too many, at event #4 (stdout of db), state 0"),
        ("check = lambda e, s: fail('too many')", "too many, at event #4 (stdout of db), state 0"),
        ("check = lambda e, s: assert_true(s > 0, 'none')", "(none), at event #4 (stdout of db), state 0"),
        ("check = lambda e, s: e['x'] > 0", ", at event #4 (stdout of db), state 0"),
    ],
)
def test_what_a_function_raises_is_a_violation(load: Load, host: object, functions: str, said: str) -> None:
    monitor = only_declared(load, f"monitor('m', state_init = 0, {functions})")
    assert shown(monitor, [sold(1, seq=4)]).endswith(said)


def only_declared(load: Load, text: str) -> Monitor:
    """A monitor that is declared, though a host is there for those of its functions that assert."""
    from faultbox.model.host import current

    token = current.set(None)  # type: ignore[arg-type]
    try:
        return only(load, text)
    finally:
        current.reset(token)


def test_a_check_that_takes_two_gets_the_state_that_there_is_not(load: Load) -> None:
    assert shown(only(load, "monitor('m', check = lambda e, s: s != None)"), [sold(1)]).endswith("state None")
    assert shown(only(load, "monitor('m', check = lambda e: False)"), [sold(1)]) == (
        "check gave False, at event #1 (stdout of db)"
    )


@pytest.mark.parametrize(
    ("on", "meant"),
    [
        ("match.event()", [0, 1, 2]),
        ("match.event(type = 'tail')", [0]),
        ("match.event(service = db)", [0, 1]),
        ("match.any(match.event(type = 'tail'), {'service': 'api'})", [0, 2]),
        ("match.all(match.event(service = 'db'), lambda e: e.type == 'syscall')", [1]),
        ("match.all()", [0, 1, 2]),
        ("match.any()", []),
        ("match.never()", []),
        ("match.event(syscall = 'read')", [1]),
        ("{'n': 2}", [2]),
        ("lambda e: e.n", [2]),
    ],
)
def test_on_says_which_events_are_meant(load: Load, on: str, meant: list[int]) -> None:
    events = [Event(0, "tail", "db"), Event(0, "syscall", "db", {"syscall": "readv"}), Event(0, "c", "api", {"n": "2"})]
    monitor = only(load, f"monitor('m', on = {on}, check = lambda e: False)")
    assert [index for index, event in enumerate(events) if shown(monitor, [event])] == meant


@pytest.mark.parametrize(
    ("on", "shapes"),
    [
        ("{'type': 'tail'}", ({"type": "tail"},)),
        ("match.any(match.event(type = 'tail'), match.event(service = 'db'))", ({"type": "tail"}, {"service": "db"})),
        ("match.all(match.event(type = 'tail'), match.event(service = 'db'))", ({"type": "tail", "service": "db"},)),
        ("match.all(match.event(type = 'tail'), lambda e: True)", ({"type": "tail"},)),
        ("match.any(match.event(type = 'tail'), lambda e: True)", None),
        ("match.never()", ()),
        ("lambda e: True", None),
        ("None", None),
    ],
)
def test_what_is_meant_is_known_before_the_run(load: Load, on: str, shapes: object) -> None:
    assert only(load, f"monitor('m', on = {on}, check = lambda e: 1)").shapes == shapes


def test_matchers_show_what_they_mean(load: Load) -> None:
    printed: list[str] = []
    load(
        "print(match.event(type='tail'))\nprint(match.any({'type': 'tail'}, match.never()))\nprint([match.event()])\n",
        printed=printed,
    )
    assert printed == ['match.event(type="tail")', 'match.any(type="tail", match.never())', "[any event]"]


def test_a_monitor_begun_in_a_scenario_may_not_act_either(run: Callable[..., Any], host: object) -> None:
    with pytest.raises(SpecError, match=r"monitor 'lambda' only judges what happens, but calls sleep\(\)") as caught:
        run("monitor(lambda e: sleep('1s'))")
    assert caught.value.code == "MONITOR_ACTS"


@pytest.mark.parametrize(
    "judging",
    [
        "tools.limit > int(e.count)",
        "tools.deep['limits'][0] > int(e.count)",
        "look(e)",
        "assert_eq(len(events(type = 'stdout')), 1) == None",
        "e.service != db.name and e.service != api.public.addr",
        "fault_of(e)",
    ],
)
def test_what_only_looks_is_no_act(load: Load, judging: str) -> None:
    """Nor is a part of a struct whose other parts act, or a name that hides a builtin's."""
    text = (
        "def hurt(): fault(db, write = deny('EIO'), run = hurt)\n"
        "tools = struct(limit = 3, hurt = hurt, deep = {'limits': [3], 'hurt': [hurt]})\n"
        "def look(e, sleep = len): return sleep(e.service) > 0 and [sleep for sleep in []] == []\n"
        "def fault_of(fault): return fault.type\n"
    )
    assert load(text + f"monitor('m', check = lambda e: {judging})").monitors


@pytest.mark.parametrize(
    "acting",
    [
        "tools.hurt()",
        "tools.deep['hurt'][0]()",
        "[f() for f in tools.deep['hurt']]",
        "(lambda: sleep('1s'))()",
        "step(db.main, 'query', sql = 'x')",
        "calls[e.type]()",
    ],
)
def test_what_acts_is_found_wherever_it_is(load: Load, acting: str) -> None:
    text = (
        "def hurt(): fault(db, write = deny('EIO'), run = hurt)\n"
        "tools = struct(limit = 3, hurt = hurt, deep = {'limits': [3], 'hurt': [hurt]})\n"
        "calls = {'x': hurt}\n"
    )
    with pytest.raises(SpecErrors) as caught:
        load(text + f"monitor('m', check = lambda e: {acting})")
    assert {each.code for each in caught.value.problems} == {"MONITOR_ACTS"}


def test_what_no_text_shows_is_refused_when_it_is_called(load: Load, host: object) -> None:
    text = "monitor('m', check = lambda e: getattr(api, 'get')(path = e.type).ok)"
    found = shown(only_declared(load, text), [sold(1)])
    assert found.startswith("api.public.get(): a monitor, here 'm', only judges what happens (accepted: "), found
    assert host.done == []  # type: ignore[attr-defined]


def test_events_of_the_go_tool_are_warned_of(load: Load) -> None:
    meant = "{'type': 'topic'}, {'type': 'std*'}, {'type': 'mock.GET'}"
    text = f"monitor('m', on = match.any({meant}), check = lambda e: 1)"
    assert [str(each) for each in load(text).warnings] == [
        f"spec.star:4:19: [UNKNOWN_EVENT_TYPE] monitor(): no events of type {kind!r} come here: this sees none"
        for kind in ("topic", "mock.GET")
    ]
