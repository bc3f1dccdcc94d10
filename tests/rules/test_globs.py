from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultbox.rules import BadGlob, literal_part, meets


@pytest.mark.parametrize(
    ("glob", "path", "expected"),
    [
        ("/data/a", "/data/a", True),
        ("/data/a", "/data/ab", False),
        ("/data/a/", "/data/a", True),
        ("/data/*", "/data/a", True),
        ("/data/*", "/data/a/b", True),
        ("/data/*", "/data", False),
        ("/data/*", "/data/", False),
        ("/data/*", "/database/a", False),
        ("/data/**", "/data", True),
        ("/data/**", "/data/a/b", True),
        ("/data/*.wal", "/data/x.wal", True),
        ("/data/*.wal", "/data/x/y.wal", False),
        ("/data/**/y.wal", "/data/y.wal", True),
        ("/data/**/y.wal", "/data/a/b/y.wal", True),
        ("/data/**/y.wal", "/data/ay.wal", False),
        ("/data/**.wal", "/data/a/b.wal", True),
        ("/*/log", "/x/log", True),
        ("/*/log", "/x/y/log", False),
        ("*.wal", "/data/x/y.wal", True),
        ("**.wal", "/y.wal", True),
        ("**/y.wal", "/y.wal", True),
        ("**/y.wal", "/a/b/y.wal", True),
        ("*", "/any/thing", True),
        ("**", "/any/thing", True),
        ("/*", "/any/thing", True),
        ("/", "/", True),
        ("/a?c", "/abc", True),
        ("/a?c", "/a/c", False),
        ("/a[bx]c", "/axc", True),
        ("/a[!b]c", "/abc", False),
        ("/a[!b]c", "/a/c", False),
        ("/a[0-9]", "/a7", True),
        ("/a[", "/a[", True),
        ("/a.c", "/abc", False),
        ("/a\nb*", "/a\nb\nc", True),
    ],
)
def test_a_glob_meets_a_path(glob: str, path: str, expected: bool) -> None:
    assert meets(path, glob) is expected


@pytest.mark.parametrize("glob", ["data/*", "", "./x", "?x"])
def test_a_glob_that_is_not_absolute_is_refused(glob: str) -> None:
    with pytest.raises(BadGlob, match=r"must begin with / or \*"):
        meets("/data/a", glob)


def test_a_senseless_set_is_refused() -> None:
    with pytest.raises(BadGlob, match="set of characters"):
        meets("/data/a", "/[z-a]")


@pytest.mark.parametrize(
    ("glob", "literal"),
    [("/data/link/*", "/data/link"), ("/data/a", "/data/a"), ("*.wal", ""), ("/*", ""), ("/a/b*c/d", "/a"), ("/", "")],
)
def test_the_literal_part(glob: str, literal: str) -> None:
    assert literal_part(glob) == literal


def test_a_located_glob_is_met_at_the_other_place() -> None:
    assert meets("/real/a", "/data/link/*", located="/real")
    assert not meets("/data/link/a", "/data/link/*", located="/real")
    assert meets("/real", "/data/link", located="/real")
    assert meets("/a+b/x", "/l/*", located="/a+b")


@pytest.mark.parametrize("glob", ["/[a&&b]", "/[a||b]", "/[a~~b]", "/[ab^]", "/[--ab]", "/[ab--]", "/[a-b&&-c]"])
def test_a_set_has_no_operators(glob: str) -> None:
    assert (meets("/a", glob), meets("/b", glob), meets("/z", glob)) == (True, True, False)


@given(st.text(alphabet="ab/.*?[]!-^\\&~|(){}+$\n"), st.text(alphabet="ab/.\n"))
def test_any_glob_is_answered_or_refused(glob: str, path: str) -> None:
    try:
        assert meets("/" + path, glob) in (True, False)
    except BadGlob:
        return


@given(st.text(alphabet="abc/.+$^(){}|\\&~#- \n").map(lambda text: re.sub("/+", "/", "/" + text).rstrip("/") or "/"))
def test_a_path_without_wildcards_meets_itself_only(path: str) -> None:
    assert meets(path, path)
    assert not meets(path + "x", path)
