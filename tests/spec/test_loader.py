"""Files are found, evaluated once, and everything wrong with them comes at once."""

from __future__ import annotations

import pytest

from faultbox.model.host import AssertionFailed, SpecError
from faultbox.model.source import Position, Problem
from faultbox.spec.broken import BROKEN, Broken
from faultbox.spec.builtin import Builtin
from faultbox.spec.semantics.values import Dict, List


def test_globals_in_order(specs):
    loaded = specs.load("b = 1\na = [2]\ndef f(): return a\n_c = 3\n")
    assert list(loaded.globals) == ["b", "a", "f", "_c"]
    assert loaded.globals["f"]() == [2]


def test_load_is_relative_to_the_loading_file(specs):
    specs.write("lib/one.star", "load('two.star', 'x')\nload('./deep/three.star', three = 'x')\none = (x, three)\n")
    specs.write("lib/two.star", "x = 2\n")
    specs.write("lib/deep/three.star", "x = 3\n")
    loaded = specs.load("load('lib/one.star', 'one')\nresult = one\n")
    assert loaded.problems == []
    assert loaded.globals["result"] == (2, 3)
    assert list(loaded.globals) == ["result"]
    assert set(loaded.modules.sources) == {"main.star", "lib/one.star", "lib/two.star", "lib/deep/three.star"}


def test_a_module_is_evaluated_once_by_any_route(specs):
    specs.write("m.star", "print('evaluated')\nx = [1]\n")
    (specs.directory / "link.star").symlink_to("m.star")
    specs.write("n.star", "load('./m.star', 'x')\ny = x\n")
    loaded = specs.load(
        "load('m.star', 'x')\nload('link.star', z = 'x')\nload('n.star', 'y')\nsame = x == y\nl = [x, y, z]\n"
    )
    assert loaded.problems == []
    assert loaded.printed == ["evaluated"]
    first, second, third = loaded.globals["l"]
    assert first is second is third


def test_names_of_other_files(specs):
    specs.write("m.star", "load('n.star', 'inner')\nlimit = 1\n_hidden = 2\n")
    specs.write("n.star", "inner = 1\n")
    loaded = specs.load("load('m.star', 'limt', 'inner', 'limit')\nx = limt + 1\ny = limit\n")
    assert loaded.problems == [
        "main.star:1:16: [UNKNOWN_NAME] m.star has no limt; did you mean 'limit'?\n    accepted: limit",
        "main.star:1:24: [UNKNOWN_NAME] m.star has no inner\n    accepted: limit",
    ]
    assert loaded.globals["y"] == 1
    assert specs.load("load('m.star', '_hidden')").problems == [
        "main.star:1:17: [SYNTAX] load: names with leading underscores are not exported: _hidden"
    ]


def test_a_missing_file_names_the_path_and_the_nearest(specs):
    specs.write("lib/common.star", "")
    loaded = specs.load("load('lib/comon.star', 'x')\n")
    path = specs.directory / "lib" / "comon.star"
    assert loaded.problems == [
        (
            f"main.star:1:6: [FILE_NOT_FOUND] can't read lib/comon.star ({path}): No such file or directory; "
            "did you mean 'common.star'?"
        )
    ]


def test_a_circle_is_shown(specs):
    specs.write("a.star", "load('b.star', 'x')\ny = 1\n")
    specs.write("b.star", "load('a.star', 'y')\nx = 1\n")
    loaded = specs.load("load('a.star', 'y')\n")
    assert loaded.problems == ["b.star:1:6: [LOAD_CYCLE] load: these files load each other: a.star -> b.star -> a.star"]


def test_what_is_nested_too_deeply_has_its_place(specs):
    loaded = specs.load("x = 1\ny = " + " + ".join(["1"] * 900) + "\nz = x\n")
    assert loaded.problems == ["main.star:2:1: [NESTED_TOO_DEEPLY] the code is nested too deeply"]


@pytest.mark.parametrize(("count", "codes"), [(62, []), (500, ["NESTED_TOO_DEEPLY"])])
def test_a_long_chain_of_files(count, codes, specs):
    for index in range(count):
        specs.write(f"m{index}.star", f"load('m{index + 1}.star', got = 'x')\nx = [got][0]\n")
    specs.write(f"m{count}.star", "x = 1\n")
    loaded = specs.load("load('m0.star', 'x')\ny = x\n")
    assert loaded.codes == codes


def test_a_missing_root(specs):
    loaded = specs.load("")
    (specs.directory / "main.star").unlink()
    from faultbox.spec.loader import evaluate
    from faultbox.spec.session import Session

    session = Session(specs.directory / "main.star")
    evaluate(session.root, {}, on_print=lambda *_: None, session=session)
    assert [problem.code for problem in session.problems] == ["FILE_NOT_FOUND"]
    assert loaded.problems == []


def test_syntax_errors_of_all_files_together(specs):
    specs.write("a.star", "x = (\n")
    specs.write("b.star", "x = 1\ny = nothing\n")
    loaded = specs.load("load('a.star', 'x')\nload('b.star', 'y')\nz = neither\nprint('not evaluated')\n")
    assert sorted(loaded.problems) == [
        "a.star:2:1: [SYNTAX] got end of file, want primary expression",
        "b.star:2:5: [UNDEFINED_NAME] undefined: nothing",
        "main.star:3:5: [UNDEFINED_NAME] undefined: neither",
    ]
    assert loaded.printed == []


def test_several_failing_statements_and_no_followers(specs):
    loaded = specs.load(
        "a = [1][3]\nb = a + 1\nc = a.x(b)[0]\nd = '%s' % a\ne = 1 + None\nf, g = a\nh = [f, {a: 1}]\nx = str(g)\n"
        "def u(v): return v.w\ny = u(a)\n"
    )
    assert loaded.problems == [
        "main.star:1:5: [EVALUATION] list index 3 out of range [-1:0]",
        "main.star:5:5: [EVALUATION] unknown binary op: int + NoneType",
    ]
    assert isinstance(loaded.globals["y"], Broken)


def test_a_failing_module_does_not_take_its_names_away(specs):
    specs.write("m.star", "x = 1 // 0\ny = 2\n")
    loaded = specs.load("load('m.star', 'x', 'y')\nz = x + y\n")
    assert loaded.problems == ["m.star:1:5: [EVALUATION] floored division by zero"]


def test_errors_within_functions_show_the_way(specs):
    specs.write("m.star", "def inner(x):\n    return x.nope\n")
    loaded = specs.load("load('m.star', 'inner')\ndef outer():\n    return [inner(x) for x in [1]]\ny = outer()\n")
    assert loaded.problems == [
        (
            "m.star:2:12: [EVALUATION] int has no .nope field or method\n"
            "    main.star:4:5 in <toplevel>\n    main.star:3:13 in outer\n    m.star:2:12 in inner"
        )
    ]


def test_globals_are_frozen(specs):
    loaded = specs.load(
        "xs = [[1], {'a': ([2],)}]\ndef f(d = []): d.append(1)\ndef outer():\n    c = []\n    def g(): c.append(1)\n"
        "    return g\ng = outer()\ndef a(): xs.append(1)\ndef b(): xs[0].append(1)\ndef c(): xs[1]['b'] = 1\n"
        "def e(): xs[1]['a'][0].append(1)\n"
    )
    for name in "abecfg":
        with pytest.raises(Exception, match="frozen"):
            loaded.globals[name]()


def test_globals_of_a_loaded_file_are_frozen_when_it_is_loaded(specs):
    specs.write("m.star", "xs = []\nxs.append(1)\ndef add(): xs.append(2)\n")
    loaded = specs.load("load('m.star', 'xs', 'add')\nxs.append(1)\nadd()\n")
    assert [problem.splitlines()[0] for problem in loaded.problems] == [
        "main.star:2:1: [EVALUATION] append: cannot append to frozen list",
        "m.star:3:12: [EVALUATION] append: cannot append to frozen list",
    ]


def test_builtins_report_and_go_on(specs):
    session_box = []

    def service(site, args, kwargs):
        position = site.keyword_position("prot") if "prot" in kwargs else site.position
        session_box.append(position)
        return BROKEN

    loaded = specs.load(
        "db = service('db', prot = 5432)\napi = service(db.main.addr)\n", {"service": Builtin("service", service)}
    )
    assert loaded.problems == []
    assert [str(each) for each in session_box] == ["main.star:1:20", "main.star:2:7"]


def test_errors_of_builtins_keep_their_code(specs):
    def refuse(site, args, kwargs):
        raise SpecError("WRONG_TYPE", "service(): no", accepted="a string", nearest="x")

    def unmet(site, args, kwargs):
        raise AssertionFailed("it does not hold", code="ASSERTION")

    def crash(site, args, kwargs):
        raise ZeroDivisionError("of the builtin itself")

    names = {"refuse": Builtin("refuse", refuse), "unmet": Builtin("unmet", unmet), "crash": Builtin("crash", crash)}
    loaded = specs.load("refuse()\nunmet()\ncrash()\nrefuse()\n", names)
    assert loaded.problems == [
        "main.star:1:1: [WRONG_TYPE] service(): no; did you mean 'x'?\n    accepted: a string",
        "main.star:2:1: [ASSERTION] it does not hold",
        "main.star:3:1: [EVALUATION] of the builtin itself",
    ]


def test_where_arguments_are_written(specs):
    places = {}

    def builtin(site, args, kwargs):
        places["call"] = site.position
        places["args"] = [site.argument_position(index) for index in range(len(args))]
        places["named"] = {name: site.argument_position(name) for name in kwargs}
        places["given"] = (args, kwargs)

    loaded = specs.load("x = 7\nf(1, a = 2, x,\n  é = '日', 'y', b = 3)\n", {"f": Builtin("f", builtin)})
    assert loaded.problems == []
    assert places["given"] == ((1, 7, "y"), {"a": 2, "é": "日", "b": 3})
    assert str(places["call"]) == "main.star:2:1"
    assert [str(each) for each in places["args"]] == ["main.star:2:3", "main.star:2:13", "main.star:3:12"]
    assert {name: str(each) for name, each in places["named"].items()} == {
        "a": "main.star:2:10",
        "é": "main.star:3:7",
        "b": "main.star:3:21",
    }
    specs.load("f(1, *[2, 3], **{'z': 4})\n", {"f": Builtin("f", builtin)})
    assert [str(each) for each in places["args"]] == ["main.star:1:3", "main.star:1:7", "main.star:1:7"]
    assert str(places["named"]["z"]) == "main.star:1:17"


def test_prints_have_a_place(specs):
    loaded = specs.load("print('a', [1])\n")
    assert loaded.printed == ["a [1]"]


def test_values_are_readable_for_python(specs):
    loaded = specs.load("d = {'a': [1, True], 'b': {1: 2, True: 3, (True, 1): 4}}\n")
    value = loaded.globals["d"]
    assert isinstance(value, Dict)
    assert isinstance(value["a"], List)
    assert value == {"a": [1, True], "b": value["b"]}
    assert list(value["b"].items()) == [(1, 2), (True, 3), ((True, 1), 4)]
    assert dict(value) == {"a": [1, True], "b": value["b"]}


def test_the_library_is_found(specs, tmp_path, monkeypatch):
    from faultbox.spec import files

    home = tmp_path / "library"
    (home / "recipes").mkdir(parents=True)
    (home / "recipes" / "a.star").write_text("load('b.star', 'x')\ny = x + z\n")
    (home / "recipes" / "b.star").write_text("x = 1\n")
    monkeypatch.setattr(files, "_LIBRARY_HOME", home)
    loaded = specs.load("load('@faultbox/recipes/a.star', 'y')\n")
    assert loaded.problems == ["@faultbox/recipes/a.star:2:9: [UNDEFINED_NAME] undefined: z"]


def test_problems_are_not_repeated(specs):
    loaded = specs.load("x = 1\n")
    problem = Problem("A", "b", Position("main.star", 1, 1))
    loaded.session.problem(problem)
    loaded.session.problem(problem)
    assert loaded.session.problems == [problem]
