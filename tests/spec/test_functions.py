"""Functions of specs, as the planner and the runner see them."""

from __future__ import annotations

import ast
import threading

import pytest

from faultbox.spec import describe, explain, frames
from faultbox.spec.semantics.errors import EvalError
from faultbox.spec.semantics.values import Dict

TEXT = """
limit = 3

def outer(n):
    inner = [n]
    def check(event, at = limit):
        return event.get("x") and inner[0] < at
    return check

check = outer(1)
short = lambda r: r.status == 503

def scenario():
    text = "é" + 1
    return text

def deep():
    return [scenario() for x in [1]]
"""


@pytest.fixture
def spec(specs):
    return specs.load(TEXT).globals


def test_describe(spec):
    info = describe(spec["check"])
    assert (info.name, str(info.position)) == ("check", "main.star:6:5")
    assert isinstance(info.node, ast.FunctionDef)
    assert "event.get('x') and inner[0] < at" in ast.unparse(info.node)
    assert dict(info.closure) == {"inner": [1]}
    assert info.globals["limit"] == 3
    assert set(info.globals) == {"limit", "outer", "check", "short", "scenario", "deep"}


def test_describe_a_lambda(spec):
    info = describe(spec["short"])
    assert (info.name, str(info.position)) == ("lambda", "main.star:11:9")
    assert ast.unparse(info.node) == "lambda r: r.status == 503"


def test_describe_something_else():
    with pytest.raises(TypeError, match="not a function of a spec"):
        describe(len)


def test_identity(spec):
    assert spec["check"] == spec["check"]
    assert spec["check"] != spec["outer"]
    assert len({spec["check"], spec["outer"], spec["check"]}) == 2


def test_frames_have_the_line_and_the_part(spec):
    with pytest.raises(EvalError) as raised:
        spec["deep"]()
    found = frames(raised.value)
    assert [(frame.position, frame.function) for frame in found] == [
        ("main.star:18:13", "deep"),
        ("main.star:14:12", "scenario"),
    ]
    assert found[-1].text == '    text = "é" + 1'
    assert found[-1].text[found[-1].start - 1 : found[-1].end - 1] == '"é" + 1'
    assert found[0].text[found[0].start - 1 : found[0].end - 1] == "scenario()"


def test_frames_skip_what_was_inserted(specs):
    loaded = specs.load("def f(*a, **k): return a\ndef g():\n    return f(é = 1, 2, 3 + None)\n")
    with pytest.raises(EvalError) as raised:
        loaded.globals["g"]()
    (frame,) = frames(raised.value)
    assert frame.text[frame.start - 1 : frame.end - 1] == "3 + None"


def test_frames_of_several_lines(specs):
    loaded = specs.load("def g():\n    return sorted([\n        1, 'a',\n    ])\n")
    with pytest.raises(EvalError) as raised:
        loaded.globals["g"]()
    (frame,) = frames(raised.value)
    assert (frame.position, frame.text[frame.start - 1 : frame.end - 1]) == ("main.star:2:12", "sorted([")


def test_no_frames_of_python():
    with pytest.raises(ValueError, match="x") as raised:
        int("x")
    assert frames(raised.value) == ()


def test_explain(specs):
    loaded = specs.load(
        "def unbound():\n    if False:\n        x = 1\n    return x\n"
        "def free():\n    def g(): return x\n    if False:\n        x = 1\n    return g()\n"
        "def missing(): return __later__\ndef call(f): return f()\n__later__ = 1\n"
    )
    for name, text in {
        "unbound": "local variable x referenced before assignment",
        "free": "local variable x referenced before assignment",
    }.items():
        with pytest.raises(NameError) as raised:
            loaded.globals[name]()
        assert explain(raised.value) == text
    assert loaded.globals["missing"]() == 1
    assert explain(RecursionError()) == "values or calls are nested too deeply"


def test_the_wrong_arguments_from_python(spec):
    with pytest.raises(EvalError, match=r"function outer missing 1 argument \(n\)"):
        spec["outer"]()
    assert spec["check"](event=Dict([("x", 1)])) is True


def test_recursion_is_refused_by_thread(specs):
    """Two branches may run one function at once; one branch may not enter it twice."""
    loaded = specs.load("def enter(wait): return wait()\ndef again(): return enter(again)\n")
    both = threading.Barrier(2, timeout=10)
    results = []

    def branch():
        results.append(loaded.globals["enter"](Waiting(both)))

    threads = [threading.Thread(target=branch) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert results == ["met", "met"]
    with pytest.raises(EvalError, match=r"function again called recursively|function enter called recursively"):
        loaded.globals["again"]()


class Waiting:
    def __init__(self, barrier):
        self.barrier = barrier


@pytest.fixture(autouse=True)
def _waiting_is_callable():
    from faultbox.spec import attributes

    def call(value, site, args, kwargs):
        value.barrier.wait()
        return "met"

    attributes.register(Waiting, name="waiting", get=getattr, names=lambda value: (), call=call)
