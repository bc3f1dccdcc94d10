"""Positional arguments after named ones get a name of their own, and nothing else moves."""

from __future__ import annotations

import ast

import pytest

from faultbox.spec.normalise import normalise

CHANGED = {
    "f(a=1, 2)": "f(a=1, _p0=2)",
    "f(a=1, 2, b=3, 4)": "f(a=1, _p0=2, b=3, _p1=4)",
    "f(a = 1, g(b = 2, 3))": "f(a = 1, _p0=g(b = 2, _p1=3))",
    "f(a=1, g(b=2), h(3))": "f(a=1, _p0=g(b=2), _p1=h(3))",
    "x.y(a=1, 2)": "x.y(a=1, _p0=2)",
    "x[0](a=1, 2)": "x[0](a=1, _p0=2)",
    "f()(a=1, 2)": "f()(a=1, _p0=2)",
    "'%s'.format(a=1, 2)": "'%s'.format(a=1, _p0=2)",
    "f(a=1, lambda x, y: (x, y), 3)": "f(a=1, _p0=lambda x, y: (x, y), _p1=3)",
    "f(a=1, lambda x=lambda: 1, y=2: x, 3)": "f(a=1, _p0=lambda x=lambda: 1, y=2: x, _p1=3)",
    "f(a=1, [b for b in c if b == d])": "f(a=1, _p0=[b for b in c if b == d])",
    "f(a=1, {b: 2, 'c': 3}, (d, e))": "f(a=1, _p0={b: 2, 'c': 3}, _p1=(d, e))",
    "f(a=1, b == 2, c <= 3, d != 4)": "f(a=1, _p0=b == 2, _p1=c <= 3, _p2=d != 4)",
    "f(a=1, 'x, y=2)', \"(\", 3)": "f(a=1, _p0='x, y=2)', _p1=\"(\", _p2=3)",
    "f(a=1, '''b,\n c''', 2)": "f(a=1, _p0='''b,\n c''', _p1=2)",
    "f(a=1, # b, 2)\n  3)": "f(a=1, # b, 2)\n  _p0=3)",
    "f(a=1,\n  b,\n)": "f(a=1,\n  _p0=b,\n)",
    "f(a=1, -2, not x, (3))": "f(a=1, _p0=-2, _p1=not x, _p2=(3))",
    "f(a=1, x[1:2], 3)": "f(a=1, _p0=x[1:2], _p1=3)",
    "f(a=1, r'\\', 2)": None,
    "f(a=1, 'it\\'s', 2)": "f(a=1, _p0='it\\'s', _p1=2)",
    "f(a=1, b if c else d)": "f(a=1, _p0=b if c else d)",
    "f(a=1, _p0)": "f(a=1, __p0=_p0)",
    "f(é=1, 'ü', 2)": "f(é=1, _p0='ü', _p1=2)",
}
KEPT = [
    "f(1, a=2)",
    "f(*a, b=1)",
    "f(a=1, **b)",
    "f(**a)",
    "f(a=1, *b)",
    "def f(a=1, b=2): pass",
    "x = (a, b)",
    "f(lambda a=1, b=2: a)",
    "f(a=1, 2",
    "",
]


@pytest.mark.parametrize("written", [each for each, named in CHANGED.items() if named])
def test_late_arguments_are_named(written):
    source = normalise(written, "x.star")
    assert source.normalised == CHANGED[written]
    assert source.text == written
    ast.parse(source.normalised)


@pytest.mark.parametrize("written", KEPT)
def test_the_rest_is_left_alone(written):
    assert normalise(written, "x.star").normalised == written


def test_what_still_ends_a_call_is_left_to_the_gate():
    assert normalise("f(a=1, **b, 2)\ng(a=1, 2)", "x.star").normalised == "f(a=1, **b, 2)\ng(a=1, _p0=2)"


def test_columns_are_the_users():
    source = normalise('f(é=1, "ü", foo, bar)\n', "x.star")
    tree = ast.parse(source.normalised)
    call = tree.body[0].value
    places = [source.column(1, keyword.value.col_offset) for keyword in call.keywords]
    assert places == [5, 8, 13, 18]
    assert str(source.position(1, call.keywords[2].col_offset)) == "x.star:1:13"
    assert source.position_of_character(1, source.normalised.index("foo") + 1).column == 13
    assert source.column(1, call.end_col_offset) == len('f(é=1, "ü", foo, bar)') + 1
    assert source.line(1) == 'f(é=1, "ü", foo, bar)'


def test_agrees_with_a_full_parser():
    """tree-sitter's grammar of Starlark finds the same late arguments."""
    import tree_sitter
    import tree_sitter_starlark

    parser = tree_sitter.Parser(tree_sitter.Language(tree_sitter_starlark.language()))

    def late(node):
        if node.type == "argument_list":
            named = False
            for child in node.named_children:
                named = named or child.type == "keyword_argument"
                if named and child.type not in ("keyword_argument", "comment", "list_splat", "dictionary_splat"):
                    yield child.start_byte
        for child in node.children:
            yield from late(child)

    for written in (each for each, named in CHANGED.items() if named and "__p0" not in named):
        source = normalise(written, "x.star")
        data = written.encode()
        for place in sorted(late(parser.parse(data).root_node), reverse=True):
            data = data[:place] + b"=" + data[place:]
        assert data.decode() == "".join(
            each if not each.startswith("_p") else "=" for each in _split(source.normalised)
        )


def _split(text):
    import re

    return re.split(r"(_p\d+=)", text)
