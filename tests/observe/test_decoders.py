from __future__ import annotations

import pytest

from faultbox.observe import decoder


class TestJson:
    def test_the_top_level_becomes_strings_and_data_keeps_the_types(self) -> None:
        line = '{"id": 7, "ok": true, "no": null, "name": "caf\u00e9", "price": 1.0, "tags": ["a", 1], '
        line += '"at": {"k": [false]}}'
        fields, data = decoder("json")(line)
        assert fields == {
            "id": "7",
            "ok": "True",
            "no": "None",
            "name": "caf\u00e9",
            "price": "1.0",
            "tags": '["a", 1]',
            "at": '{"k": [False]}',
        }
        assert data["at"] == {"k": [False]}
        assert data["id"] == 7

    @pytest.mark.parametrize(
        "line",
        [
            "",
            "plain",
            "[1, 2]",
            '"text"',
            "3",
            '{"cut": ',
            '{"n": NaN}',
            '{"n": -Infinity}',
            "[" * 100_000,
            '{"a": 1} b',
        ],
    )
    def test_what_is_no_object_stays_raw(self, line: str) -> None:
        assert decoder("json")(line) == ({"raw": line}, {})

    def test_an_overflowing_number(self) -> None:
        assert decoder("json")('{"n": 1e999}')[0] == {"n": "+inf"}


class TestLogfmt:
    @pytest.mark.parametrize(
        ("line", "fields"),
        [
            ("level=info msg=started", {"level": "info", "msg": "started"}),
            (r'msg="say \"hi\"\n\ttab \u00e9 \\" n=1', {"msg": 'say "hi"\n\ttab \u00e9 \\', "n": "1"}),
            ("ready port=80", {"ready": "true", "port": "80"}),
            ('empty= also="" next=1', {"empty": "", "also": "", "next": "1"}),
            ("url=http://x/?a=b&c=d", {"url": "http://x/?a=b&c=d"}),
            ('path=a"b', {"path": 'a"b'}),
            ("  spaced =  x=1", {"raw": "  spaced =  x=1"}),
            ("  a=1   b=2  ", {"a": "1", "b": "2"}),
            ("just some words", {"raw": "just some words"}),
            ('msg="never closed', {"raw": 'msg="never closed'}),
            ('msg="a"b', {"raw": 'msg="a"b'}),
            ("=1", {"raw": "=1"}),
            ("", {"raw": ""}),
        ],
    )
    def test_lines(self, line: str, fields: dict[str, str]) -> None:
        assert decoder("logfmt")(line) == (fields, {})

    def test_long_hostile_lines_take_linear_time(self) -> None:
        line = 'a="' + '\\"' * 300_000
        assert decoder("logfmt")(line)[0] == {"raw": line}


class TestRegex:
    def test_named_groups_of_the_first_match(self) -> None:
        decode = decoder("regex", r"(?P<verb>GET|PUT) (?P<path>\S+)(?: (?P<code>\d+))?")
        assert decode("12:00 GET /x 200 done") == ({"verb": "GET", "path": "/x", "code": "200"}, {})
        assert decode("PUT /y") == ({"verb": "PUT", "path": "/y"}, {})
        assert decode("nothing") == ({"raw": "nothing"}, {})

    def test_a_pattern_without_named_groups(self) -> None:
        with pytest.raises(ValueError, match="has no named groups; write"):
            decoder("regex", "(a)(b)")

    def test_a_pattern_that_does_not_compile(self) -> None:
        with pytest.raises(ValueError, match="does not compile: "):
            decoder("regex", "(?P<a>")


def test_no_decoder() -> None:
    assert decoder()("any thing") == ({"raw": "any thing"}, {})


def test_an_unknown_decoder() -> None:
    with pytest.raises(ValueError, match="there is no decoder 'xml'; there are json, logfmt and regex"):
        decoder("xml")
