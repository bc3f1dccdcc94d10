"""Scripts of what is received, and what is sent on it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

Make = Callable[..., Any]
GET = {"word": "GET"}


def test_without_rules_bytes_pass_at_once_and_as_they_came(play: Make) -> None:
    lines = play()
    assert lines.caller(b"GE") == [("service", b"GE")]
    assert lines.caller(b"T a\nGET") == [("service", b"T a\nGET")]
    assert lines.service(b"1\n") == [("caller", b"1\n")]
    assert lines.ended("request") == [("finish", "request")]
    assert lines.ended("response") == [("finish", "response")]


def test_with_rules_a_message_is_held_until_it_can_be_judged(play: Make, rule: Make) -> None:
    lines = play(rule("error", match=GET))
    assert lines.caller(b"SE") == []
    assert lines.caller(b"T a\nPU") == [("service", b"SET a\n")]
    assert lines.caller(b"T b\n") == [("service", b"PUT b\n")]
    assert lines.counts() == (2, 0, 0, 0)


def test_an_error_is_answered_and_the_service_hears_nothing(play: Make, rule: Make) -> None:
    lines = play(rule("error", match=GET, message="READONLY"))
    assert lines.caller(b"GET a\n") == [("caller", b"-READONLY\n")]
    assert lines.caller(b"SET a\n") == [("service", b"SET a\n")]
    assert lines.service(b"ok\n") == [("caller", b"ok\n")]
    assert lines.counts() == (2, 1, 1, 0)
    assert lines.notes == [
        {
            "caller": "api",
            "interface": "main",
            "protocol": "lines",
            "side": "request",
            "word": "GET a",
            "decision": "error",
            "rule": "r0",
            "label": "label 0",
        }
    ]


def test_made_up_answers_keep_their_place_among_pipelined_requests(play: Make, rule: Make) -> None:
    lines = play(rule("error", match=GET))
    assert lines.caller(b"SET 1\nGET 2\nGET 3\nSET 4\n") == [("service", b"SET 1\nSET 4\n")]
    assert lines.service(b"one+\n") == [("caller", b"one+\n")]
    assert lines.service(b"more\nfo") == [("caller", b"more\n-error\n-error\n")]
    assert lines.service(b"ur\n") == [("caller", b"four\n")]


def test_a_push_is_no_answer(play: Make, rule: Make) -> None:
    lines = play(rule("error", match=GET))
    lines.caller(b"SET 1\nGET 2\n")
    assert lines.service(b"!news\n") == [("caller", b"!news\n")]
    assert lines.service(b"one\n") == [("caller", b"one\n-error\n")]


def test_a_request_without_an_answer_takes_no_place(play: Make, rule: Make) -> None:
    lines = play(rule("error", match=GET))
    lines.caller(b"!note\n")
    assert lines.caller(b"GET 2\n") == [("caller", b"-error\n")]


def test_a_swallowed_message_is_swallowed_to_its_end(play: Make, rule: Make) -> None:
    lines = play(rule("error", match=GET))
    assert lines.caller(b"GET a+\n") == [("caller", b"-error\n")]
    assert lines.caller(b"body\nSET 1\n") == [("service", b"SET 1\n")]


def test_a_delay_holds_a_message_and_what_comes_after_it(play: Make, rule: Make) -> None:
    lines = play(rule("delay", match=GET, delay_ms=500))
    assert lines.caller(b"SET 1\nGET 2\nSET 3\n") == [("service", b"SET 1\n"), ("wait", "request", 500)]
    assert lines.caller(b"SET 4\n") == []
    assert lines.talk.held("request") == len(b"GET 2\nSET 3\nSET 4\n")
    assert lines.timer("request") == [("service", b"GET 2\nSET 3\nSET 4\n")]
    assert lines.talk.held("request") == 0


def test_a_delay_of_a_response_is_that_of_one_message(play: Make, rule: Make) -> None:
    lines = play(rule("delay", side="response", delay_ms=500))
    lines.caller(b"GET 1\n")
    assert lines.service(b"a+\nb\n") == [("wait", "response", 500)]
    assert lines.timer("response") == [("caller", b"a+\nb\n")]


def test_a_response_that_says_only_how_long_delays_each_answer_once(play: Make, rule: Make) -> None:
    lines = play(rule("response", delay_ms=3000))
    assert lines.caller(b"GET 1\n") == [("service", b"GET 1\n")]
    assert lines.service(b"a+\n") == [("wait", "response", 3000)]
    assert lines.service(b"b\n") == []
    assert lines.timer("response") == [("caller", b"a+\nb\n")]


def test_release_lets_everything_go(play: Make, rule: Make) -> None:
    lines = play(rule("hang", match=GET), rule("delay", match={"word": "SET"}, delay_ms=1e6, slot=1))
    assert lines.caller(b"GET 1\nSET 2\n") == []
    assert lines.release() == [("service", b"GET 1\nSET 2\n")]


def test_a_half_close_waits_behind_what_is_held(play: Make, rule: Make) -> None:
    lines = play(rule("delay", match=GET, delay_ms=5))
    lines.caller(b"GET 1\n")
    assert lines.ended("request") == []
    assert lines.timer("request") == [("service", b"GET 1\n"), ("finish", "request")]


def test_delays_add_up_before_what_decides(play: Make, rule: Make) -> None:
    lines = play(rule("delay", delay_ms=100), rule("delay", delay_ms=50, slot=1), rule("error", slot=2))
    assert lines.caller(b"GET 1\n") == [("wait", "response", 150)]
    assert lines.timer("response") == [("caller", b"-error\n")]


@pytest.mark.parametrize(("action", "end"), [("drop", "close"), ("reset", "reset")])
def test_the_connection_ends_where_a_request_is_dropped(play: Make, rule: Make, action: str, end: str) -> None:
    lines = play(rule(action, match=GET))
    assert lines.caller(b"SET 1\nGET 2\n") == [("service", b"SET 1\n")]
    assert lines.service(b"one\n") == [("caller", b"one\n"), (end,)]
    assert lines.talk.over
    assert lines.caller(b"SET 3\n") == []


@pytest.mark.parametrize("action", ["drop", "reset"])
def test_what_comes_after_a_dropped_request_is_said_to_nobody(play: Make, rule: Make, action: str) -> None:
    lines = play(rule(action, trigger={"nth": 2}))
    assert lines.caller(b"SET 1\nSET 2\nSET 3\n!note\n") == [("service", b"SET 1\n")]
    assert lines.caller(b"SET 4\n") == []
    assert lines.counts() == (2, 2, 1, 0)
    assert lines.service(b"one\n")[0] == ("caller", b"one\n")
    assert lines.talk.over


@pytest.mark.parametrize(
    ("action", "arguments", "sent"),
    [("truncate", {}, b"a 23"), ("truncate", {"after_bytes": 0}, b"a "), ("drop", {"after_bytes": 3}, b"a 234")],
)
def test_an_answer_is_cut(play: Make, rule: Make, action: str, arguments: dict[str, Any], sent: bytes) -> None:
    lines = play(rule(action, side="response", **arguments))
    lines.caller(b"GET 1\n")
    assert lines.service(b"a 2345\n") == [("caller", sent), ("close",)]
    assert lines.talk.over


def test_a_cut_goes_across_parts(play: Make, rule: Make) -> None:
    lines = play(rule("truncate", side="response", after_bytes=6))
    lines.caller(b"GET 1\n")
    assert lines.service(b"abcd+\n") == [("caller", b"abcd+\n")]
    assert lines.service(b"efgh\n") == [("caller", b"ef"), ("close",)]


def test_slow_sends_slice_by_slice(play: Make, rule: Make) -> None:
    lines = play(rule("slow", side="response", rate=40))
    assert lines.service(b"abcde\n") == [("caller", b"ab"), ("wait", "response", 50)]
    assert lines.timer("response") == [("caller", b"cd"), ("wait", "response", 50)]
    assert lines.timer("response") == [("caller", b"e\n"), ("wait", "response", 50)]
    assert lines.timer("response") == []
    assert lines.service(b"") == []


def test_duplicates_are_answered_once(play: Make, rule: Make) -> None:
    lines = play(rule("duplicate", match=GET))
    assert lines.caller(b"GET 1\nSET 2\n") == [("service", b"GET 1\nGET 1\nSET 2\n")]
    assert lines.service(b"a\nb\nc\n") == [("caller", b"a\nc\n")]


def test_rewrite(play: Make, rule: Make) -> None:
    lines = play(rule("rewrite", side="response", to="other"))
    assert lines.service(b"a\n") == [("caller", b"other\n")]


def test_what_needs_a_whole_message_is_not_said_to_have_fired_on_a_part_of_one(play: Make, rule: Make) -> None:
    lines = play(rule("rewrite", side="response", to="other"))
    assert lines.service(b"a+\nb\n") == [("caller", b"a+\nb\n")]
    assert lines.counts() == (1, 1, 0, 1)
    assert lines.notes == []


def test_corruption_is_drawn_and_changes_only_the_body(play: Make, rule: Make) -> None:
    def once(seed: int) -> bytes:
        lines = play(rule("corrupt", side="response", length=2), seed=seed)
        ((_, data),) = lines.service(b"a 2345\n")
        return bytes(data)

    assert once(1) == once(1) != once(2)
    assert once(1)[:2] == b"a "
    assert sum(a != b for a, b in zip(once(1), b"a 2345\n", strict=True)) == 2


def test_a_response_is_replaced(play: Make, rule: Make) -> None:
    lines = play(rule("error", side="response", fatal=True))
    assert lines.service(b"a+\n") == [("caller", b"-error\n"), ("close",)]


def test_a_rule_that_comes_later_meets_an_old_connection(play: Make, rule: Make) -> None:
    lines = play()
    lines.caller(b"GET 1\nGE")
    lines.rules(rule("error", match=GET))
    assert lines.caller(b"T 2\nGET 3\n") == [("service", b"T 2\n")]
    assert lines.counts() == (1, 1, 1, 0)
    assert lines.service(b"a\n") == [("caller", b"a\n")]
    assert lines.service(b"b\n") == [("caller", b"b\n-error\n")]


def test_what_was_held_goes_first_when_rules_go(play: Make, rule: Make) -> None:
    lines = play(rule("error", match=GET))
    assert lines.caller(b"SE") == []
    lines.rules()
    assert lines.caller(b"T 2\nSE") == [("service", b"SET 2\n")]
    assert lines.release() == []
    assert lines.caller(b"T\n") == [("service", b"SET\n")]


def test_after_the_last_rule_nothing_is_looked_at(play: Make, rule: Make) -> None:
    lines = play(rule("error", match=GET))
    lines.caller(b"SE")
    lines.rules()
    lines.book.final = True
    assert lines.release() == [("service", b"SE")]
    assert lines.talk.plain


def test_bytes_that_make_no_sense_pass_and_are_told_of(play: Make, rule: Make) -> None:
    lines = play(rule("error", match=GET))
    assert lines.caller(b"SET 1\n\xff") == [("service", b"SET 1\n\xff")]
    assert lines.talk.plain
    assert lines.notes[-1]["decision"] == "unseen"
    assert lines.ledger.report().blind_spots == ("db.main: not lines (1 connection)",)
    assert lines.service(b"GET\n") == [("caller", b"GET\n")]


def test_tls_begins_after_what_was_said_in_plain(play: Make, rule: Make) -> None:
    lines = play(rule("error", match=GET))
    assert lines.service(b"STARTTLS\n") == [("caller", b"STARTTLS\n"), ("tls",)]


def test_a_refusing_rule_speaks_of_connections(play: Make, rule: Make) -> None:
    lines = play(rule("drop", refuse=True))
    assert lines.attempted() == [("reset",)]
    assert lines.counts() == (1, 1, 1, 0)
    assert lines.notes[-1]["method"] == "connect"


def test_rules_of_others_are_not_asked(play: Make, rule: Make) -> None:
    lines = play(rule("error", source="other"))
    assert lines.caller(b"GET 1\n") == [("service", b"GET 1\n")]
    assert lines.counts() == (0, 0, 0, 0)


def test_an_answer_to_what_a_rule_met_is_told_with_both_summaries(play: Make, rule: Make) -> None:
    lines = play(rule("delay", match=GET, delay_ms=0))
    lines.caller(b"GET 1\n")
    lines.service(b"one\n")
    assert {**lines.notes[-1], "duration_ms": ""}.items() >= {
        "word": "GET 1",
        "answer": "one",
        "decision": "pass",
    }.items()


def test_a_service_may_be_told_something_else_and_its_answer_is_replaced(play: Make, rule: Make) -> None:
    lines = play(rule("error", match=GET, instead=b"FAIL\n"))
    assert lines.caller(b"SET 1\nGET 2\n") == [("service", b"SET 1\nFAIL\n")]
    assert lines.service(b"one\nfailed+\nentirely\n!news\n") == [("caller", b"one\n-error\n!news\n")]


def test_an_answer_is_replaced_though_the_rule_is_gone_by_then(play: Make, rule: Make) -> None:
    lines = play(rule("error", match=GET, instead=b"FAIL\n"))
    lines.caller(b"GET 2\n")
    lines.rules()
    lines.book.final = True
    assert lines.release() == []
    assert lines.service(b"failed\nnext\n") == [("caller", b"-error\nnext\n")]
    assert lines.service(b"no") == [("caller", b"no")]


def test_what_the_service_skips_is_not_waited_for(play: Make, rule: Make) -> None:
    lines = play(rule("error", match=GET, instead=b"FAIL\n"), rule("drop", match={"word": "END"}, slot=1))
    assert lines.caller(b"SET 1\nGET 2\nGET 3\n") == [("service", b"SET 1\nFAIL\nFAIL\n")]
    assert lines.service(b"?\n") == [("caller", b"?\n")]
    assert lines.caller(b"SET 4\nEND\n") == [("service", b"SET 4\n")]
    assert lines.service(b"four\n") == [("caller", b"four\n"), ("close",)]


def test_nothing_follows_the_end_of_the_service(play: Make, rule: Make) -> None:
    lines = play(rule("error", match=GET))
    lines.caller(b"SET 1\nGET 2\n")
    assert lines.ended("response") == [("finish", "response")]
    assert lines.caller(b"GET 3\n") == []


def test_what_is_remembered_of_requests_has_bounds(play: Make, rule: Make) -> None:
    class Lasting:
        side, identity, lasting = "request", "lines", True

        def value(self, key: str) -> str | None:
            return None

    book = play(rule("error", match=GET)).book
    for _ in range(20_000):
        assert not book.touches("request", [Lasting()])
    assert len(book._untouched) < 10_000
    assert book.ledger.counters[0] == 20_000


def test_a_rule_that_nobody_spoke_to_says_what_it_can_t_see(play: Make, rule: Make) -> None:
    lines = play(rule("error", match=GET))
    (note,) = lines.ledger.report().notes[0]
    assert "unix socket" in note
    lines.caller(b"SET 1\n")
    assert lines.ledger.report().notes[0] == ()
