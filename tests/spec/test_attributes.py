"""Host objects show specs what was registered for them and nothing else."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from faultbox.spec import attributes
from faultbox.spec.semantics.errors import EvalError


@dataclass(frozen=True)
class Reply:
    status: int
    secret: str = "hidden"


@dataclass(frozen=True)
class Bare:
    value: int


def _get(reply, name):
    if name == "status":
        return reply.status
    raise AttributeError(name)


def _item(reply, key):
    return {"status": reply.status}[key]


def _compare(reply, op, other):
    return str(reply.status) == other if op == "==" and isinstance(other, str) else NotImplemented


@pytest.fixture(autouse=True, scope="module")
def _registered():
    attributes.register(
        Reply,
        name="reply",
        get=_get,
        names=lambda reply: ("status",),
        call=lambda reply, site, args, kwargs: (args, kwargs),
        truth=lambda reply: reply.status < 400,
        compare=_compare,
        text=lambda reply: f"reply({reply.status})",
        getitem=_item,
        iterate=lambda reply: ["a", "b"],
        hashable=False,
    )
    attributes.register(Bare, name="bare", get=_get, names=lambda bare: ())


CASES = {
    "r.status": "200",
    "r['status']": "200",
    "type(r)": '"reply"',
    "str(r)": '"reply(200)"',
    "[r]": "[reply(200)]",
    "'%s' % r": '"reply(200)"',
    "dir(r)": '["status"]',
    "hasattr(r, 'status')": "True",
    "hasattr(r, 'secret')": "False",
    "getattr(r, 'secret', 5)": "5",
    "r == '200'": "True",
    "'200' == r": "True",
    "r != '200'": "False",
    "r == '201'": "False",
    "r == r": "True",
    "r == bad": "False",
    "bare == same": "True",
    "bare == other": "False",
    "{bare: 1}[same]": "1",
    "bool(bad)": "False",
    "not bad": "True",
    "bad and 1": "reply(500)",
    "bad or 1": "1",
    "r and 1": "1",
    "r or 1": "reply(200)",
    "1 if bad else 2": "2",
    "[x for x in r]": '["a", "b"]',
    "len(r)": "2",
    "'a' in r": "True",
    "r(1, b = 2)": '((1,), {"b": 2})',
    "str(bare)": '"<bare>"',
    "bool(bare)": "True",
    "any([bad])": "False",
}
ERRORS = {
    "r.secret": "reply has no .secret field or method",
    "r.statu": "reply has no .statu field or method (did you mean .status?)",
    "r.__class__": "reply has no .__class__ field or method",
    "r['x']": 'key "x" not in reply',
    "bare[0]": "unhandled index operation bare[int]",
    "bare()": "invalid call of non-function (bare)",
    "bare + 1": "unknown binary op: bare + int",
    "bare < same": "bare < bare not implemented",
    "-bare": "unknown unary op: - bare",
    "{r: 1}": "unhashable type: reply",
    "len(bare)": "len: value of type bare has no len",
    "[x for x in bare]": "bare value is not iterable",
    "1 in bare": "unknown binary op: int in bare",
    "unknown.x": "object has no .x field or method",
}
VALUES = {"r": Reply(200), "bad": Reply(500), "bare": Bare(1), "same": Bare(1), "other": Bare(2), "unknown": object()}


@pytest.mark.parametrize("source", CASES)
def test_what_was_registered(source, run):
    from faultbox.spec.semantics.printing import represent

    assert represent(run(f"result = {source}", **VALUES)["result"]) == CASES[source]


@pytest.mark.parametrize("source", ERRORS)
def test_what_was_not(source, run):
    with pytest.raises(EvalError) as raised:
        run(f"result = {source}", **VALUES)
    assert str(raised.value) == ERRORS[source]


def test_an_attribute_cannot_be_set(run):
    with pytest.raises(EvalError, match=r"can't assign to \.status field of reply"):
        run("def f(): r.status = 5\nf()", **VALUES)
