"""What was reported once is not reported again, wherever its value goes."""

from __future__ import annotations

import pytest

from faultbox.spec.broken import BROKEN, Broken
from faultbox.spec.builtin import Builtin

USES = """
x.a
x.a.b(1, c = 2)[3]
x[0]
x[1:2]
x + 1
1 + x
x % 3
"%s" % x
"{}".format(x)
"a".startswith(x)
"a" in x
x in "a"
x not in [1]
x == 1
x < 1
-x
~x
not x
x and 1
x or 1
1 if x else 2
[y for y in x]
[y.z for y in [x]]
{x: 1}
{"a": 1}[x]
[1, 2][x]
len(x)
str([x])
int(x)
sorted([x, 1])
sorted([1, 2], key = x)
",".join([x])
zip(x, [1])
dict(a = x)
dict(x)
print(x)
(lambda a, *b: a.c)(x, *x)
(lambda **k: k)(**x)
x()
range(x)
max(1, x)
bytes([x])
1 << x
[1] * x
hasattr(x, "a")
"abc".find("b", x)
[1].index(x) if False else [x].pop()
{}.get(x)
"a".replace("b", x)
""".strip().splitlines()


@pytest.mark.parametrize("use", USES)
def test_uses_are_no_second_problem(use, specs):
    calls = []

    def broken(site, args, kwargs):
        calls.append(args)
        return BROKEN

    loaded = specs.load(f"x = make()\ny = {use}\n", {"make": Builtin("make", broken)})
    assert calls == [()]
    assert loaded.problems == []


def test_statements(specs):
    loaded = specs.load(
        "x = make()\na, (b, c) = x\ndef f():\n    for i, j in x:\n        fail('iterated')\n    y = x\n    y += [1]\n"
        "    z = [1]\n    z += x\n    x[0] = 1\n    x.a = 2\n    return y\nd = f()\n",
        {"make": Builtin("make", lambda site, args, kwargs: BROKEN)},
    )
    assert loaded.problems == []
    assert all(isinstance(loaded.globals[name], Broken) for name in "abcd")
