"""Generated expressions give what a live starlark-go gives."""

from __future__ import annotations

import random

import pytest

ATOMS = {
    "int": ["0", "1", "-1", "2", "7", "-7", "255", "256", "97", "1 << 70", "-(1 << 65)"],
    "float": ["0.0", "3.5", "-0.5", "1e10", "0.1", "1e100", "1e-9", 'float("nan")', 'float("inf")', "-7.5"],
    "str": [
        *('""', '"a"', '"ab"', '"é"', '"日本"', '"Hello World"', '" x y "', '"a,b,,c"', '"ß"', '"ǆ"', '"\\t\\n"'),
        *('"é"[0]', '"%s"', '"{}"', '"%d %r"', '"1"', '"-5"', '"0x1f"', '"1.5"', '"A1"', '"{a}"', '"x%%"'),
    ],
    "bytes": ['b""', 'b"a"', 'b"ab\\xff"'],
    "list": ["[]", "[1]", "[1, 2, 3]", '["a", "b"]', "[3, 1, 2]", "[[1], [2]]", "[True, 1]", '["é", ""]'],
    "tuple": ["()", "(1,)", "(1, 2)", '("a", 1)', '("a", "b")', "((1, 2), (3, 4))"],
    "dict": ["{}", '{"a": 1}', "{1: 2, 3: 4}", "{(1, 2): 3}", "{True: 1, 1: 2}"],
    "other": ["None", "True", "False", "range(3)", "range(5, 0, -2)", '"ab".elems()', '"é".codepoints()', "len"],
}
OPERATORS = ["+", "-", "*", "/", "//", "%", "|", "&", "^", "<<", ">>", "<", "<=", ">", ">=", "==", "!=", "and", "or"]
NO_ARGUMENT = "capitalize isalnum isalpha isdigit islower isspace istitle isupper lower title upper split strip elems"
ONE_STRING = "count endswith startswith find index rfind rindex lstrip strip rstrip partition rpartition removeprefix"
CONVERSIONS = (
    "bool str repr type dir len list tuple sorted reversed any all enumerate zip max min int float hash bytes ord"
)
LISTS = ["append({})", "extend([{}])", "index({})", "insert(1, {})", "pop()", "pop({})", "remove({})", "clear()"]
DICTS = ["get({})", "get({}, 1)", "items()", "keys()", "values()", "pop({}, 0)", "setdefault({})", "update([({}, 1)])"]


class Author:
    """Writes expressions that mostly make sense, the same ones for the same seed."""

    def __init__(self, seed: int) -> None:
        self.random = random.Random(seed)
        self.pick = self.random.choice

    def atom(self, kind: str = "") -> str:
        return self.pick(ATOMS[kind or self.pick(list(ATOMS))])

    def any(self, depth: int) -> str:
        if depth and self.random.random() < 0.4:
            return self.expression(depth - 1)
        return self.atom()

    def expression(self, depth: int = 2) -> str:
        write = self.pick(
            [self.operation, self.method, self.container, self.conversion, self.place, self.comprehension]
        )
        return write(depth)

    def operation(self, depth: int) -> str:
        kind = self.pick(["int", "int", "float", "str", "list", "tuple", "bytes", "dict"])
        left = self.atom(kind)
        right = self.atom(self.pick([kind, kind, "int"])) if self.random.random() < 0.8 else self.any(depth)
        if self.random.random() < 0.2:
            return f"({left}) {self.pick(['in', 'not in'])} [{right}, ({self.any(depth)})]"
        return f"{self.pick(['', '', '', 'not ', '-', '~'])}(({left}) {self.pick(OPERATORS)} ({right}))"

    def method(self, depth: int) -> str:
        if self.random.random() < 0.3:
            return f"({self.atom('str')}).{self.pick(NO_ARGUMENT.split())}()"
        name = self.pick([*ONE_STRING.split(), "split", "rsplit", "replace", "join", "format", "splitlines"])
        bounds = self.pick(["", "", ", 1", ", -2", ", 1, 3", ", None, 2"])
        if name == "replace":
            return f"({self.atom('str')}).replace({self.atom('str')}, {self.atom('str')}{self.pick(['', ', 1'])})"
        if name == "join":
            return f"({self.atom('str')}).join([{self.atom('str')}, str({self.any(depth)})])"
        if name in ("format", "splitlines"):
            return f"({self.atom('str')}).{name}({self.any(depth) if name == 'format' else ''})"
        return f"({self.atom('str')}).{name}({self.atom('str')}{bounds})"

    def container(self, depth: int) -> str:
        kind = self.pick(["list", "dict"])
        call = self.pick(LISTS if kind == "list" else DICTS).format(self.any(depth))
        return f"(lambda x: (x.{call}, x))({self.atom(kind)})"

    def conversion(self, depth: int) -> str:
        return f"{self.pick(CONVERSIONS.split())}({self.any(depth)})"

    def place(self, depth: int) -> str:
        value = self.atom(self.pick(["str", "bytes", "list", "tuple", "other"]))
        if self.random.random() < 0.4:
            return f"({value})[{self.pick(['0', '-1', '1', '5', self.any(depth)])}]"
        bounds = [self.pick(["", "1", "-1", "2", "-5", "None"]) for _ in range(2)]
        return f"({value})[{bounds[0]}:{bounds[1]}{self.pick(['', ':', ':2', ':-1', ':-2'])}]"

    def comprehension(self, depth: int) -> str:
        iterable = self.atom(self.pick(["list", "tuple", "dict", "other"]))
        return f"[(x, {self.any(depth)}) for x in {iterable} if {self.any(depth)} or True]"


@pytest.mark.parametrize("seed", range(3))
def test_generated_expressions(seed, expression, ask):
    author = Author(seed)
    sources = [author.expression() for _ in range(1500)]
    theirs = ask([{"kind": "expression", "source": source} for source in sources])
    pairs = [(source, expression(source), answer) for source, answer in zip(sources, theirs, strict=True)]
    wrong = [each for each in pairs if each[1] != each[2] and not ("error" in each[1] and "error" in each[2])]
    assert not wrong
    assert sum("value" in answer for answer in theirs) > 500
