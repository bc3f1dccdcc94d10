"""Malformed and hostile specs: clean problems, never a Python traceback, never an effect outside."""

from __future__ import annotations

import os
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultbox.model.source import Problem
from faultbox.spec.gate import Gate
from faultbox.spec.loader import evaluate
from faultbox.spec.normalise import normalise
from faultbox.spec.semantics.errors import EvalError
from faultbox.spec.session import Session

CHAIN = " + ".join(["1"] * 3000)
DEEP_LIST = """
def deep():
    x = []
    for _ in range({depth}):
        x = [x]
    return x
"""

HOSTILE: dict[str, tuple[str | bytes, str]] = {
    "unclosed parenthesis": ("x = (1 +", "SYNTAX"),
    "unclosed string": ("x = 'abc", "SYNTAX"),
    "unclosed triple string": ("x = '''abc\n\n", "SYNTAX"),
    "keyword of Python": ("import os", "SYNTAX"),
    "class": ("class A:\n    pass", "SYNTAX"),
    "f-string": ("x = f'{1}'", "SYNTAX"),
    "try": ("try:\n    pass\nexcept:\n    pass", "SYNTAX"),
    "walrus": ("print(a := 1)", "SYNTAX"),
    "decorator": ("@len\ndef f(): pass", "SYNTAX"),
    "generator": ("x = list(y for y in [])", "SYNTAX"),
    "yield": ("def f(): yield 1", "SYNTAX"),
    "await": ("def f(): await x", "SYNTAX"),
    "lambda default": ("f = lambda x = : x", "SYNTAX"),
    "star star operator": ("x = 2 ** 10000000000", "SYNTAX"),
    "matrix product": ("x = 1 @ 2", "SYNTAX"),
    "chained comparison": ("x = 1 < 2 < 3", "SYNTAX"),
    "dict unpacking": ("x = {**{}}", "SYNTAX"),
    "set literal": ("x = {1, 2}", "SYNTAX"),
    "starred assignment": ("a, *b = [1, 2]", "SYNTAX"),
    "slice assignment": ("x = [1]\nx[0:1] = [2]", "SYNTAX"),
    "del": ("x = 1\ndel x", "SYNTAX"),
    "global": ("def f():\n    global x", "SYNTAX"),
    "annotation": ("x: int = 3", "SYNTAX"),
    "type hint": ("def f(x: int): pass", "SYNTAX"),
    "ellipsis": ("x = ...", "SYNTAX"),
    "complex number": ("x = 1j", "SYNTAX"),
    "bad escape": (r"x = '\d'", "SYNTAX"),
    "octal of C": ("x = 0777", "SYNTAX"),
    "underscores": ("x = 1_000", "SYNTAX"),
    "set()": ("x = set([1])", "SYNTAX"),
    "if outside": ("if True:\n    x = 1", "SYNTAX"),
    "for outside": ("for x in []:\n    pass", "SYNTAX"),
    "while": ("def f():\n    while True:\n        pass", "SYNTAX"),
    "reassigned": ("x = 1\nx = 2", "SYNTAX"),
    "augmented global": ("x = []\nx += [1]", "SYNTAX"),
    "load in a function": ("def f():\n    load('a.star', 'b')", "SYNTAX"),
    "return outside": ("return 1", "SYNTAX"),
    "tabs and spaces": ("def f():\n\tx = 1\n        y = 2\n", "SYNTAX"),
    "bad indent": ("x = 1\n    y = 2\n", "SYNTAX"),
    "None given a value": ("None = 1", "SYNTAX"),
    "repeated keyword": ("dict(a = 1, a = 2)", "SYNTAX"),
    "positional after kwargs": ("f = lambda *a, **k: a\nf(**{}, 1)", "SYNTAX"),
    "undefined name": ("x = servce", "UNDEFINED_NAME"),
    "Python's import": ("x = __import__('os')", "UNDEFINED_NAME"),
    "Python's eval": ("x = eval('1')", "UNDEFINED_NAME"),
    "Python's exec": ("exec('import os')", "UNDEFINED_NAME"),
    "Python's open": ("x = open('/etc/passwd')", "UNDEFINED_NAME"),
    "Python's globals": ("x = globals()", "UNDEFINED_NAME"),
    "Python's builtins": ("x = __builtins__", "UNDEFINED_NAME"),
    "class of a string": ('x = "".__class__', "EVALUATION"),
    "class of a tuple": ("x = ().__class__.__bases__", "EVALUATION"),
    "class of a list": ("x = [].__class__", "EVALUATION"),
    "reduce of a dict": ("x = {}.__reduce_ex__(2)", "EVALUATION"),
    "list's own method": ("x = [].__setattr__('frozen', False)", "EVALUATION"),
    "python method of a list": ("x = [3].sort()", "EVALUATION"),
    "python method of a string": ("x = 'a'.encode()", "EVALUATION"),
    "python attribute of ours": ("x = [].check_mutable", "EVALUATION"),
    "globals of a function": ("def f(): pass\nx = f.__globals__", "EVALUATION"),
    "python of a function": ("def f(): pass\nx = f.python", "EVALUATION"),
    "code of a lambda": ("x = (lambda: 1).__code__", "EVALUATION"),
    "call of a function": ("x = (lambda: 1).__call__()", "EVALUATION"),
    "function of a builtin": ("x = len.function", "EVALUATION"),
    "self of a method": ("x = ''.upper.__self__", "EVALUATION"),
    "receiver of a method": ("x = ''.upper.receiver", "EVALUATION"),
    "format attribute": ('x = "{0.__class__}".format("")', "EVALUATION"),
    "format index": ('x = "{0[0]}".format([1])', "EVALUATION"),
    "format of a width": ('x = "{:>1000000000}".format(1)', "EVALUATION"),
    "percent width": ('x = "%1000000000d" % 1', "EVALUATION"),
    "percent star": ('x = "%*d" % (1000000000, 1)', "EVALUATION"),
    "getattr": ('x = getattr("", "__class__")', "EVALUATION"),
    "getattr of getattr": ('x = getattr(getattr, "function")', "EVALUATION"),
    "set attribute": ("def f(): pass\nf.python = 1", "EVALUATION"),
    "giant string": ('x = "x" * 1000000000000', "EVALUATION"),
    "giant string below the bound": ('x = "x" * 1000000000', "EVALUATION"),
    "giant bytes": ('x = b"x" * 1000000000', "EVALUATION"),
    "giant list": ("x = [0] * 1000000000", "EVALUATION"),
    "giant tuple": ("x = (0,) * 100000000000", "EVALUATION"),
    "giant range as a list": ("x = list(range(1000000000000))", "EVALUATION"),
    "giant range sorted": ("x = sorted(range(1000000000000))", "EVALUATION"),
    "giant range spread": ("f = lambda *a: a\nx = f(*range(100000000000))", "EVALUATION"),
    "giant range unpacked": ("a, b = range(10000000000)", "EVALUATION"),
    "giant range zipped": ("x = zip(range(1000000000000), range(1000000000000))", "EVALUATION"),
    "giant range enumerated": ("x = enumerate(range(1000000000000))", "EVALUATION"),
    "giant range joined": ("x = ''.join(range(1000000000000))", "EVALUATION"),
    "giant range in a dict": ("x = dict(range(1000000000000))", "EVALUATION"),
    "giant range extends": ("def f():\n    x = []\n    x += range(1000000000000)\nf()", "EVALUATION"),
    "giant range maximum": ("x = max(range(1000000000000))", "EVALUATION"),
    "giant range bytes": ("x = bytes(range(1000000000000))", "EVALUATION"),
    "giant comprehension": ("x = [y for y in range(1000000000000)]", "EVALUATION"),
    "giant dict comprehension": ("x = {y: 1 for y in range(1000000000000)}", "EVALUATION"),
    "giant shift": ("x = 1 << 100000000", "EVALUATION"),
    "giant shift of Go": ("x = 1 << 1000000000000000", "EVALUATION"),
    "giant integers": (
        "def f():\n    x = 1 << 500\n    for _ in range(100):\n        x = x * x\n    return x\nf()",
        "EVALUATION",
    ),
    "giant literal": ("x = " + "9" * 100_000, "SYNTAX"),
    "giant literal of a string": ("x = int('9' * 1000000)", "EVALUATION"),
    "doubled string": (
        "def f():\n    x = 'x'\n    for _ in range(60):\n        x = x + x\n    return x\nf()",
        "EVALUATION",
    ),
    "doubled list": (
        "def f():\n    x = [0]\n    for _ in range(60):\n        x = x + x\n    return x\nf()",
        "EVALUATION",
    ),
    "doubled in place": (
        "def f():\n    x = [0]\n    for _ in range(60):\n        x += x\n    return x\nf()",
        "EVALUATION",
    ),
    "doubled by extend": (
        "def f():\n    x = [0]\n    for _ in range(60):\n        x.extend(x)\n    return x\nf()",
        "EVALUATION",
    ),
    "doubled tuple": (
        "def f():\n    x = (0,)\n    for _ in range(60):\n        x = x + x\n    return x\nf()",
        "EVALUATION",
    ),
    "doubled bytes": (
        "def f():\n    x = b'x'\n    for _ in range(60):\n        x = x + x\n    return x\nf()",
        "EVALUATION",
    ),
    "doubled by format": (
        "def f():\n    x = 'x'\n    for _ in range(60):\n        x = '%s%s' % (x, x)\n    return x\nf()",
        "EVALUATION",
    ),
    "doubled by join": (
        "def f():\n    x = 'x'\n    for _ in range(60):\n        x = ''.join([x, x])\n    return x\nf()",
        "EVALUATION",
    ),
    "doubled by replace": (
        "def f():\n    x = 'xx'\n    for _ in range(60):\n        x = x.replace('x', 'xx')\n    return x\nf()",
        "EVALUATION",
    ),
    "billion laughs": (
        "def f():\n    x = ['lol']\n    for _ in range(30):\n        x = [x] * 8\n    return str(x)\nf()",
        "EVALUATION",
    ),
    "billion comparisons": (
        "def f():\n    x, y = 1, 1\n    for _ in range(9):\n        x, y = [x] * 60, [y] * 60\n    return x == y\nf()",
        "EVALUATION",
    ),
    "endless loop": (
        "def f():\n    for a in range(1000000):\n        for b in range(1000000):\n            pass\nf()",
        "EVALUATION",
    ),
    "endless calls": (
        "def g(): pass\ndef f():\n    for a in range(1000000000000):\n        g()\nf()",
        "EVALUATION",
    ),
    "endless sorting": (
        "def f():\n    x = list(range(100000))\n    for a in range(100000):\n        x = sorted(x)\nf()",
        "EVALUATION",
    ),
    "endless searching": (
        "def f():\n    x = list(range(1000000))\n    for a in range(1000000):\n        -1 in x\nf()",
        "EVALUATION",
    ),
    "quadratic replace": (
        "def f():\n    x = 'ab' * 1000000\n    for a in range(1000000):\n        x.replace('a', 'b')\nf()",
        "EVALUATION",
    ),
    "recursion": ("def f(): f()\nf()", "EVALUATION"),
    "mutual recursion": ("def f(): g()\ndef g(): f()\nf()", "EVALUATION"),
    "recursion by sorted": ("def f(x): sorted([1, 2], key = f)\nf(1)", "EVALUATION"),
    "deep parentheses": ("x = " + "(" * 10_000 + "1" + ")" * 10_000, "NESTED_TOO_DEEPLY"),
    "deep brackets": ("x = " + "[" * 150 + "]" * 150 + "\n" + "x = " + "[" * 10_000, "SYNTAX"),
    "deep minus": ("x = " + "-" * 100_000 + "1", "NESTED_TOO_DEEPLY"),
    "deep not": ("x = " + "not " * 50_000 + "1", "NESTED_TOO_DEEPLY"),
    "deep sum": ("x = " + CHAIN, "NESTED_TOO_DEEPLY"),
    "deep attributes": ("y = ''\nx = y" + ".a" * 10_000, "NESTED_TOO_DEEPLY"),
    "deep calls": ("y = len\nx = y" + "()" * 10_000, "NESTED_TOO_DEEPLY"),
    "deep lambdas": ("x = " + "lambda: " * 5_000 + "1", "NESTED_TOO_DEEPLY"),
    "deep conditionals": ("x = " + "1 if 1 else " * 5_000 + "1", "NESTED_TOO_DEEPLY"),
    "deep value printed": (DEEP_LIST.format(depth=100_000) + "print(deep())", "EVALUATION"),
    "deep value compared": (DEEP_LIST.format(depth=100_000) + "x = deep() == deep()", "EVALUATION"),
    "deep key": (
        "def deep():\n    x = ()\n    for _ in range(100000):\n        x = (x,)\n    return x\nx = {deep(): 1}",
        "EVALUATION",
    ),
    "NUL byte": (b"x = 1\ny = '\0'\n", "SYNTAX"),
    "not UTF-8": (b"x = 1\ny = '\xff'\n", "NOT_UTF8"),
    "surrogates": (b"x = '\xed\xa0\x80'\n", "NOT_UTF8"),
    "byte order mark": ("\ufeffx = 1", "SYNTAX"),
    "five megabytes": ("x = '" + "a" * 5_000_000 + "'", "TOO_LARGE"),
    "binary": (bytes(range(1, 256)) * 20, "NOT_UTF8"),
    "control characters": ("x = \x01\x02", "SYNTAX"),
    "invisible name": ("x\u200b = 1", "SYNTAX"),
    "load of a directory": ("load('.', 'x')", "FILE_NOT_FOUND"),
    "load of nothing": ("load('', 'x')", "FILE_NOT_FOUND"),
    "load of itself": ("load('main.star', 'x')", "LOAD_CYCLE"),
    "load of a device": ("load('/dev/zero', 'x')", "FILE_NOT_FOUND"),
    "load of a pipe": ("load('pipe', 'x')", "FILE_NOT_FOUND"),
    "load with NUL": ("load('a\\0b', 'x')", "FILE_NOT_FOUND"),
    "load of a missing library": ("load('@faultbox/nothing.star', 'x')", "FILE_NOT_FOUND"),
    "load out of the library": ("load('@faultbox/../loader.py', 'x')", "FILE_NOT_FOUND"),
    "load of another library": ("load('@bazel//x.star', 'x')", "FILE_NOT_FOUND"),
    "load of a long name": ("load('" + "a" * 5_000 + "', 'x')", "FILE_NOT_FOUND"),
    "unhashable key": ("x = {[]: 1}", "EVALUATION"),
    "list of itself as a key": ("x = []\nx.append(x)\ny = {(x,): 1}", "EVALUATION"),
    "dict of itself": ("x = {}\nx[1] = x\ny = x == {1: x}", "EVALUATION"),
    "call of a number": ("x = 1()", "EVALUATION"),
    "divided by zero": ("x = 1 // 0", "EVALUATION"),
    "keywords that are none": ("f = lambda **k: k\nf(**{1: 2})", "EVALUATION"),
    "keyword of the compiler": ("f = lambda: 1\nf(**{'site': 1})", "EVALUATION"),
    "failing": ("fail('on purpose')", "EVALUATION"),
}

GOOD = """
load("other.star", "limit", again = "double")

NAMES = ["a", "b", "c"]
TABLE = {"x": 1, "y": [1, 2, {"z": (3, 4)}]}

def weigh(name, *rest, factor = 2, **more):
    \"\"\"The weight of a name.\"\"\"
    total = 0
    for i, (part, value) in enumerate([(name, factor), ("é", limit)]):
        if part in TABLE and not rest:
            continue
        elif value > 5 or i == 7:
            break
        total += len(part) * value % 13
    TOTALS = {k: v for k, v in more.items() if v}
    TOTALS["n"] = again(total)
    return total, TOTALS

print("%s weighs %d, %r" % ("x", weigh("x")[0], NAMES[1:]))
RESULT = [weigh(n, 1, factor = 3, z = "q".upper()) for n in NAMES if n != "b"]
LATE = dict(a = 1, [("b", 2)])
print("{} and {name!r}".format(RESULT, name = sorted(TABLE, key = lambda k: -len(k))))
"""
OTHER = "limit = 3\ndef double(x): return x * 2\n"
PIECES = [
    "(",
    ")",
    "[",
    "]",
    "{",
    "}",
    ":",
    ",",
    "=",
    "**",
    "*",
    ".",
    '"',
    "'",
    "\n",
    "    ",
    "\t",
    "\\",
    "#",
    "def ",
    "lambda ",
    "for ",
]
PIECES += [
    "if ",
    "in ",
    "load(",
    "return",
    "None",
    "TABLE",
    "weigh",
    "0",
    "1 << 400",
    "é",
    "\0",
    "\u200b",
    "%s",
    " or ",
    "not ",
    "__",
    "@",
]


@pytest.fixture
def _others(specs):
    specs.write("other.star", OTHER)
    os.mkfifo(specs.directory / "pipe")


@pytest.mark.usefixtures("_others")
def test_the_good_spec_is_good(specs):
    loaded = specs.load(GOOD)
    assert loaded.problems == []
    assert loaded.printed[0] == 'x weighs 6, ["b", "c"]'


@pytest.mark.parametrize("name", HOSTILE)
@pytest.mark.usefixtures("_others")
def test_hostile(name, specs, capfd):
    text, code = HOSTILE[name]
    before = sorted(specs.directory.iterdir())
    loaded = specs.load(text)
    assert loaded.codes[:1] == [code], loaded.problems
    assert all(_clean(problem, text) for problem in loaded.session.problems), loaded.problems
    assert sorted(specs.directory.iterdir()) == sorted({*before, specs.directory / "main.star"})
    assert capfd.readouterr() == ("", "")


def _clean(problem: Problem, text: str | bytes) -> bool:
    """A place inside the file, and words that speak of specs, not of Python."""
    data = text if isinstance(text, bytes) else text.encode()
    words = f"{problem.message} {problem.nearest}"
    inside = 1 <= problem.position.line <= data.count(b"\n") + data.count(b"\r") + 1 and problem.position.column >= 1
    return inside and not any(
        each in words for each in ("Traceback", '.py"', ".py:", "faultbox.", "object at 0x", "<class")
    )


def _mutate(text: str, edits: list[tuple[int, int, int]]) -> str:
    """Cut something out and put one of the pieces, or a part of the text itself, in its place."""
    for place, length, piece in edits:
        start = place % (len(text) + 1)
        new = PIECES[piece] if piece < len(PIECES) else text[piece * 7 % max(len(text), 1) :][: piece % 40]
        text = text[:start] + new + text[start + length :]
    return text


EDIT = st.tuples(st.integers(0, 2000), st.integers(0, 12), st.integers(0, len(PIECES) + 60))


@settings(max_examples=60, deadline=None, derandomize=True, database=None)
@given(edits=st.lists(EDIT, min_size=1, max_size=4))
def test_mutations_through_the_loader(edits, tmp_path_factory):
    text = _mutate(GOOD, edits)
    directory = tmp_path_factory.mktemp("mutation")
    path = directory / "main.star"
    path.write_text(text)
    (directory / "other.star").write_text(OTHER)
    session = Session(path)
    evaluate(path, {}, on_print=lambda _line, _position: None, session=session)
    assert all(_clean(problem, text) or problem.position.file.endswith("other.star") for problem in session.problems)


def test_what_the_gate_accepts_runs_or_fails_as_starlark_does(run):
    """Nothing but the language's own errors comes out of programs that starlark-go finds well-formed."""
    chance = random.Random(7)
    texts = [_mutate(GOOD.replace("load(", "print("), _edits(chance)) for _ in range(1500)]
    sources = [normalise(text, f"{index}.star") for index, text in enumerate(texts) if "\0" not in text]
    gate = Gate()
    gate.ask(sources, ["limit", "again"])
    refused = {problem.position.file for problem in gate.answer()}
    accepted = [source.text for source in sources if source.file not in refused]
    assert len(accepted) > 100
    for text in accepted:
        try:
            run(text, limit=3, again=lambda x: x)
        except (EvalError, NameError):
            pass
        except SyntaxError as error:
            assert "inconsistent use of tabs" in str(error) or "ASCII" in str(error), (text, error)  # noqa: PT017


def _edits(chance: random.Random) -> list[tuple[int, int, int]]:
    count = chance.choice([1, 1, 2])
    return [(chance.randrange(2000), chance.randrange(3), chance.randrange(len(PIECES) + 60)) for _ in range(count)]
