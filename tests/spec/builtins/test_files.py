"""load_file(), load_json(), here(), and observing output."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faultbox.model.spec import Spec
from faultbox.spec.builtins import files

Load = Callable[..., Spec]
Problems = Callable[..., list[str]]


def test_a_file_is_read_from_the_spec_s_directory(load: Load, place: Path) -> None:
    (place / "schema.sql").write_bytes("größe\n".encode() + b"\xff")
    heard: list[str] = []
    spec = load('x = load_file("./schema.sql")\nprint(x[:3], len(x))', printed=heard)
    assert heard == ["gr\udcc3 9"] or heard == ["gr� 9"]
    assert set(spec.sources) == {str(place / "spec.star"), str(place / "schema.sql")}


def test_json_becomes_frozen_values(load: Load, problems: Problems, place: Path) -> None:
    (place / "x.json").write_text('{"a": [1, 2.5, null, true, {"b": "c"}]}')
    heard: list[str] = []
    load('print(load_json("x.json"))', printed=heard)
    assert heard == ['{"a": [1, 2.5, None, True, {"b": "c"}]}']
    (found,) = problems('load_json("x.json")["a"].append(1)')
    assert found == "4:1 [EVALUATION] append: cannot append to frozen list"


def test_here_is_beside_the_file_that_says_it(load: Load, place: Path) -> None:
    (place / "sub").mkdir()
    (place / "sub" / "m.star").write_text('c = service("c", here("../bin/db"))\nwhere = here("x")\n')
    heard: list[str] = []
    spec = load('load("sub/m.star", "where")\nprint(where)', printed=heard)
    assert heard == [str(place / "sub" / "x")]
    assert spec.services["c"].binary == str(place / "bin/db")


def test_what_cannot_be_read(problems: Problems, place: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (place / "bad.json").write_text("{")
    (place / "deep.json").write_text("[" * 100_000)
    (place / "big").write_text("x" * 11)
    monkeypatch.setattr(files, "LIMIT", 10)
    for call, wanted in (
        ('load_file("bigg")', "4:11 [NO_SUCH_FILE] load_file(): the file does not exist: ./bigg | near: ./big"),
        ('load_file("bin")', "4:11 [NO_SUCH_FILE] load_file(): the file is no file: ./bin"),
        ('load_file("http://x/y")', "4:11 [BAD_PATH] load_file(): only files can be read, not http://x/y"),
        ('load_file("big")', "4:11 [TOO_LARGE] load_file(): ./big is larger than 0 MB"),
        ('load_yaml("x.yaml")', "4:1 [NOT_AVAILABLE] load_yaml() needs a YAML reader, which this version does not have yet"),
        ('load_json("bad.json")', "4:11 [BAD_FILE] load_json(): bad.json is no JSON: Expecting property name enclosed in double quotes: line 1 column 2 (char 1)"),
    ):  # fmt: skip
        assert [each.split(" | near: ./bin")[0] for each in problems(call)] == [wanted]
    monkeypatch.setattr(files, "LIMIT", 1 << 20)
    (found,) = problems('load_json("deep.json")')
    assert found.startswith("4:11 [BAD_FILE] load_json(): deep.json is no JSON: ")


@pytest.mark.parametrize(
    ("call", "wanted"),
    [
        ('decoder("jsn")', '4:9 [UNKNOWN_VALUE] decoder(): name can\'t be string "jsn" | near: json | accepted: "json", "logfmt", "regex"'),
        ('decoder("regex")', '4:1 [MISSING_ARGUMENT] decoder(): decoder "regex" needs pattern='),
        ('decoder("json", pattern = "x")', '4:27 [NO_EFFECT] decoder(): pattern= belongs to "regex", not "json"'),
        ('decoder("regex", pattern = "(")', "4:28 [BAD_PATTERN] decoder(): pattern is no regular expression: missing ), unterminated subpattern at position 0"),
        ('decoder("regex", pattern = "x")', '4:28 [BAD_PATTERN] decoder(): pattern has no named group, so events would have no fields; write "(?P<name>...)"'),
        ('observe.stdout(decoder = "json")', '4:26 [WRONG_TYPE] observe.stdout(): decoder must be a decoder("json"), got string "json"'),
        ("observe.stdin()", "4:1 [EVALUATION] struct has no .stdin field or method"),
    ],
)  # fmt: skip
def test_mistakes_in_observing(problems: Problems, call: str, wanted: str) -> None:
    assert problems(call) == [wanted]
