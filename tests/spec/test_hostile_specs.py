"""Whole specs, with builtins, that have a word changed: problems of the spec or a good load, nothing else."""

from __future__ import annotations

import random
import re

import pytest

from faultbox.model.source import SpecErrors
from faultbox.spec import gate, load

SPEC = """
db = service("db", binary = "/bin/true", interface("main", "tcp", 5432), healthcheck = tcp("localhost:5432"))
api = service("api", "/bin/true",
    interface("public", "http", 8080),
    env = {"PORT": "8080", "DB_ADDR": db.main.addr},
    depends_on = [db],
    healthcheck = http("localhost:8080/health"),
    ops = {"persist": op(syscalls = ["write", "fsync"], path = "/data/*")},
)

def write_and_read():
    api.post(path = "/data/key", body = "hello")
    return api.get(path = "/data/key")

scenario(write_and_read)

db_down = fault_assumption("db_down", target = db, connect = deny("ECONNREFUSED"))
db_slow = fault_assumption("db_slow", target = db, write = delay("200ms", probability = 0.5))
both = fault_assumption("both", faults = [db_down, db_slow], description = "down and slow")

fault_matrix(
    scenarios = [write_and_read],
    faults = [db_down, db_slow],
    default_expect = lambda r: assert_true(r != None),
    overrides = {(write_and_read, db_down): expect_error_within(ms = 500)},
    exclude = [(write_and_read, db_slow)],
)
fault_scenario("cascade", scenario = write_and_read, faults = both, expect = expect_success())
monitor(lambda e: fail("negative") if e.get("stock") and int(e["stock"]) < 0 else None, service = "db")

def test_fault():
    fault(api, write = deny("EIO", nth = 3), run = write_and_read)
    assert_eventually(type = "syscall", service = "db", decision = "deny*")
"""
WORDS = [
    "None",
    "True",
    "0",
    "-1",
    "[]",
    "{}",
    "db",
    "api",
    "1.5",
    "lambda: 1",
    "write_and_read",
    "db_down",
    "''",
    "'x'",
]
WORDS += [
    "len",
    "1 << 300",
    "[1, 2]",
    "{'a': 1}",
    "{1: None}",
    "deny",
    "range(3)",
    "b''",
    "('a',)",
    "db.main",
    "x",
    "db.x",
]
WORDS += [
    "delay('1s')",
    "'500ms'",
    "99999999",
    "[[]]",
    "'é\\n'",
    "'/no/such/file'",
    "'\\0'",
    "service('db', '/bin/true')",
]


class OpenGate:
    """Lets everything through: what starlark-go would have refused must be survived as well."""

    def __enter__(self):
        return self

    def __exit__(self, *_):
        pass

    def ask(self, sources, names):
        pass

    def answer(self):
        return []


def mutations(seed, count):
    chance = random.Random(seed)
    words = list(re.finditer(r'"[^"]*"|\w+', SPEC))
    for _ in range(count):
        text = SPEC
        for word in sorted(chance.sample(words, chance.choice([1, 1, 2])), key=lambda each: -each.start()):
            new = chance.choice([*WORDS, chance.choice(words).group()])
            text = text[: word.start()] + new + text[word.end() :]
        yield text


def test_the_spec_is_good(specs):
    spec = load(specs.write("main.star", SPEC), seed=1)
    assert sorted(spec.services) == ["api", "db"]
    assert [problem.message for problem in spec.warnings] == []


def problems_of(path):
    try:
        load(path, seed=1)
    except SpecErrors as errors:
        return errors.problems
    return ()


@pytest.mark.parametrize("seed", range(4))
def test_a_changed_word(seed, specs, monkeypatch):
    monkeypatch.setattr(gate, "Gate", OpenGate)
    outcomes = set()
    for text in mutations(seed, 150):
        problems = problems_of(specs.write("main.star", text))
        outcomes |= {problem.code for problem in problems} or {"good"}
        assert not [each for each in problems if _pythonic(each.message)], text
    assert {"good", "EVALUATION", "WRONG_TYPE"} <= outcomes


def _pythonic(message):
    return re.search(
        r"object has no attribute|not subscriptable|object is not|unsupported operand|Traceback|\.py\b", message
    )
