"""What starlark-go says arrives with the user's places, whatever happens to its process."""

from __future__ import annotations

import os
import signal

import pytest

from faultbox.spec import gate as gates
from faultbox.spec.gate import Gate
from faultbox.spec.normalise import normalise


def judge(*texts, names=("service", "fault_assumption")):
    gate = Gate()
    gate.ask([normalise(text, f"{index}.star") for index, text in enumerate(texts)], names)
    return [str(problem) for problem in sorted(gate.answer(), key=lambda problem: problem.position)]


def test_good_files_have_no_problems():
    assert judge("x = 1\n", "def f(a, *, b = 2): return [a for c in b]\n", "") == []


def test_a_syntax_error_has_its_place():
    assert judge("x = 1\ny = (2 +\n") == ["0.star:3:1: [SYNTAX] got end of file, want primary expression"]


def test_all_names_that_are_undefined():
    assert judge("x = foo\ndef f(): return bar + service\n", "y = baz") == [
        "0.star:1:5: [UNDEFINED_NAME] undefined: foo",
        "0.star:2:17: [UNDEFINED_NAME] undefined: bar",
        "1.star:1:5: [UNDEFINED_NAME] undefined: baz",
    ]


def test_the_nearest_name():
    assert judge("x = fault_asumption") == [
        "0.star:1:5: [UNDEFINED_NAME] undefined: fault_asumption; did you mean 'fault_assumption'?"
    ]


def test_places_within_messages_are_the_users():
    assert judge("\nx = 1\nx = 2\n") == ["0.star:3:1: [SYNTAX] cannot reassign global x declared at 0.star:2:1"]


def test_columns_count_characters_and_skip_what_was_inserted():
    assert judge('dict(é = "ü", 2, nope)') == ["0.star:1:18: [UNDEFINED_NAME] undefined: nope"]


def test_predeclared_names_may_be_hidden():
    assert judge("service = 1\nlen = service") == []


def test_nothing_is_executed():
    assert judge('fail("executed")\nprint("executed")') == []


def test_words_of_python_that_starlark_has_not_are_named():
    assert judge("x = 1\nimport os\n") == [
        '0.star:2:7: [SYNTAX] Starlark has no \'import\', files are read with load("file.star", "name")'
    ]
    assert judge("def f():\n    raise 'x'\n") == ["0.star:2:10: [SYNTAX] Starlark has no 'raise'"]
    assert judge("try:\n    x = 1\n") == ["0.star:1:4: [SYNTAX] Starlark has no 'try'"]


def test_a_dead_gate_is_a_problem():
    gate = Gate()
    gate.ask([normalise("x = 1", "a.star")], [])
    os.kill(gate._process.pid, signal.SIGKILL)
    assert [str(each) for each in gate.answer()] == [
        "a.star:1:1: [GATE_FAILED] the Starlark parser failed: it ended with status -9"
    ]


def test_a_hanging_gate_is_a_problem(monkeypatch):
    monkeypatch.setattr(gates, "TIMEOUT_S", 0.2)
    gate = Gate()
    os.kill(gate._process.pid, signal.SIGSTOP)
    gate.ask([normalise("x = 1", "a.star")], [])
    assert [str(each) for each in gate.answer()] == [
        "a.star:1:1: [GATE_FAILED] the Starlark parser failed: it did not answer within 0.2 s"
    ]
    with pytest.raises(ProcessLookupError):
        os.kill(gate._process.pid, 0)


def test_a_missing_package_says_what_to_do(monkeypatch):
    monkeypatch.setattr(gates.importlib.util, "find_spec", lambda name: None)
    with pytest.raises(RuntimeError, match="starlark-go is not installed: reinstall faultbox"):
        Gate()
