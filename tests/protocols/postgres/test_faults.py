"""Scripts of what a client and a server say, and what each of them hears."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from faultbox.model.message import MessageRule
from faultbox.model.protocols import PROTOCOLS
from faultbox.protocols.contract import HOLD_LIMIT
from faultbox.protocols.postgres import wire
from faultbox.protocols.postgres.faults import dialogue
from faultbox.proxy.playbook import Play, a_rule, sent

Make = Callable[..., Any]
INSERT = "INSERT INTO orders VALUES (1)"


def refused(pg: SimpleNamespace) -> bytes:
    """What is asked in place of a statement, in the extended protocol."""
    return bytes(pg.parse("faultbox: this statement was replaced by an injected fault", name="faultbox"))


def refused_query(pg: SimpleNamespace) -> bytes:
    return bytes(pg.query("faultbox: this statement was replaced by an injected fault"))


def failure(said: list[Any]) -> dict[str, str]:
    """The fields of the error that the caller hears first."""
    (first, *_) = (piece for piece in wire.Responses().feed(sent(said, "caller")) if piece.tag == ord("E"))
    return wire.error_fields(first.body)


# -- beginnings


def test_a_connection_begins(pg: SimpleNamespace, rule: Make) -> None:
    play = Play(dialogue, rule("error", "SELECT*"))
    assert play.caller(pg.ssl) == [("service", pg.ssl)]
    assert play.service(b"N") == [("caller", b"N")]
    hello = pg.startup(user="ada", database="shop")
    assert play.caller(hello) == [("service", hello)]
    assert play.service(pg.wants_password) == [("caller", pg.wants_password)]
    assert play.caller(pg.password) == [("service", pg.password)]
    assert play.service(pg.authenticated + pg.ready()) == [("caller", pg.authenticated + pg.ready())]
    assert play.counts() == (1, 0, 0, 0)


def test_what_is_encrypted_by_gssapi_is_pumped_and_told_of(pg: SimpleNamespace, rule: Make) -> None:
    play = Play(dialogue, rule("error", "SELECT*"))
    play.caller(pg.gssenc)
    assert play.service(b"G") == [("caller", b"G")]
    assert play.talk.plain
    assert play.ledger.report().blind_spots == ("db.main: it is encrypted by GSSAPI (1 connection)",)
    assert play.caller(b"\x16\x03") == [("service", b"\x16\x03")]


# -- TLS


OFFER = b"R\0\0\0\x2a\0\0\0\nSCRAM-SHA-256-PLUS\0SCRAM-SHA-256\0\0"
LESS = b"R\0\0\0\x17\0\0\0\nSCRAM-SHA-256\0\0"


@pytest.fixture(params=[True, False], ids=["with rules", "without rules"])
def logging_in(pg: SimpleNamespace, rule: Make, request: pytest.FixtureRequest) -> Play:
    """Up to the StartupMessage, in TLS that ends here with a certificate of our own."""
    play = Play(dialogue, *([rule("error", "SELECT*")] if request.param else []), protocol="postgres")
    assert play.caller(pg.ssl) == [("service", pg.ssl)]
    assert play.service(b"S") == [("caller", b"S"), ("tls",)]
    play.talk.reissued()
    hello = pg.startup(user="ada")
    assert play.caller(hello) == [("service", hello)]
    return play


def scram(flag: bytes) -> bytes:
    first = flag + b",,n=,r=nonce"
    return wire.frame(b"p", b"SCRAM-SHA-256\0" + len(first).to_bytes(4) + first)


def test_a_login_can_t_be_bound_to_a_certificate_of_ours(pg: SimpleNamespace, logging_in: Play) -> None:
    assert logging_in.service(OFFER) == [("caller", LESS)]
    assert logging_in.caller(scram(b"n")) == [("service", scram(b"n"))]
    done = pg.authenticated + pg.ready()
    assert sent(logging_in.service(done), "caller") == done
    assert logging_in.service(OFFER) == [("caller", OFFER)]
    assert logging_in.ledger.report().distortions == ()


def test_one_that_could_bind_is_passed_on_in_plain(pg: SimpleNamespace, logging_in: Play) -> None:
    logging_in.service(OFFER)
    assert logging_in.caller(scram(b"y")) == [("anew", pg.startup(user="ada")), ("service", scram(b"y"))]
    assert sent(logging_in.service(LESS), "caller") == b""
    assert logging_in.service(b"R\0\0\0\x0c\0\0\0\x0bsalt") == [("caller", b"R\0\0\0\x0c\0\0\0\x0bsalt")]
    done = pg.authenticated + pg.ready()
    assert logging_in.service(done) == [("caller", done)]
    assert logging_in.ledger.report().distortions == ()


def test_a_service_that_takes_no_login_in_plain(pg: SimpleNamespace, logging_in: Play) -> None:
    logging_in.service(OFFER)
    logging_in.caller(scram(b"y"))
    refused = pg.error("28000", "no pg_hba.conf entry, no encryption")
    assert logging_in.service(refused) == [("caller", refused)]
    (told,) = logging_in.ledger.report().distortions
    assert "channel_binding=disable" in told


def test_a_caller_that_must_bind_leaves(logging_in: Play) -> None:
    logging_in.service(OFFER)
    assert logging_in.ended("request") == [("finish", "request")]
    (told,) = logging_in.ledger.report().distortions
    assert "channel_binding=require" in told
    assert "api -> db.main" in told


def test_the_service_s_own_certificate_leaves_the_offer_as_it_is(pg: SimpleNamespace, rule: Make) -> None:
    play = Play(dialogue, rule("error", "SELECT*"))
    play.caller(pg.ssl)
    play.service(b"S")
    play.caller(pg.startup(user="ada"))
    assert play.service(OFFER) == [("caller", OFFER)]


def test_too_many_connections(pg: SimpleNamespace, rule: Make) -> None:
    play = Play(dialogue, rule("error", match={"command": "connect", "database": "shop"}, code="too_many_connections"))
    said = play.caller(pg.startup(user="ada", database="shop"))
    assert failure(said) == {"S": "FATAL", "V": "FATAL", "C": "53300", "M": "sorry, too many clients already"}
    assert said[-1] == ("close",)
    assert sent(said, "service") == b""


def test_a_refused_login_is_told_with_its_code(pg: SimpleNamespace, rule: Make) -> None:
    play = Play(dialogue, rule("delay", side="response", match={"status": "28P01"}, delay_ms=100))
    play.caller(pg.startup(user="ada"))
    said = play.service(pg.error("28P01", severity="FATAL"))
    assert said == [("wait", "response", 100)]


def test_a_request_to_cancel_is_a_message(pg: SimpleNamespace, rule: Make) -> None:
    play = Play(dialogue, rule("drop", match={"command": "CANCEL"}))
    assert play.caller(pg.cancel) == [("close",)]


def test_a_replication_stream_is_pumped(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("error", "SELECT*"))
    play.caller(pg.query("START_REPLICATION"))
    assert play.service(pg.copy_both) == [("caller", pg.copy_both)]
    assert play.talk.plain


# -- simple protocol


def test_a_query_fails_for_the_service_too(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("error", "insert*", code="deadlock_detected"))
    assert play.caller(pg.query(INSERT)) == [("service", refused_query(pg))]
    said = play.service(pg.error("42601", "syntax error") + pg.ready(b"E"))
    assert failure(said) == {"S": "ERROR", "V": "ERROR", "C": "40P01", "M": "deadlock detected"}
    assert sent(said, "caller").endswith(pg.ready(b"E"))
    assert play.counts() == (1, 1, 1, 0)
    assert play.notes[0]["command"] == "INSERT"
    assert play.notes[0]["query"] == INSERT


@pytest.mark.parametrize("end", ["COMMIT", "commit work;", "END", "rollback", "/* x */ PREPARE TRANSACTION 'a'"])
def test_the_end_of_a_transaction_fails_and_none_is_left(pg: SimpleNamespace, talk: Make, rule: Make, end: str) -> None:
    play = talk(rule("error", match={}, code="serialization_failure"))
    assert play.caller(pg.query(end)) == [("service", pg.query("ROLLBACK"))]
    said = play.service(pg.done("ROLLBACK") + pg.ready())
    assert failure(said)["C"] == "40001"
    assert sent(said, "caller").endswith(pg.ready())
    assert b"ROLLBACK" not in sent(said, "caller")


@pytest.mark.parametrize("text", ["ROLLBACK TO SAVEPOINT a", "COMMIT PREPARED 'a'", "insert into t values (1); commit"])
def test_what_leaves_a_transaction_fails_within_it(pg: SimpleNamespace, talk: Make, rule: Make, text: str) -> None:
    play = talk(rule("error", match={}))
    assert play.caller(pg.query(text)) == [("service", refused_query(pg))]


def test_a_text_that_begins_a_transaction_fails_within_it(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    lines = talk(rule("error", "insert*", code="23505"))
    instead = sent(lines.caller(pg.query("BEGIN; insert into t values (1); COMMIT")), "service")
    assert b"BEGIN; SELECT CAST(" in instead
    said = lines.service(pg.done("BEGIN") + pg.error("22P02") + pg.ready(b"E"))
    assert failure(said)["C"] == "23505"
    assert sent(said, "caller").endswith(pg.ready(b"E"))
    assert b"BEGIN" not in sent(said, "caller")


@pytest.mark.parametrize(
    ("action", "text", "possible"),
    [
        ("response", "copy t from stdin", False),
        ("response", "COPY t (a) TO STDOUT (FORMAT csv)", False),
        ("response", "copy t from '/data/t.csv'", True),
        ("duplicate", "copy t from stdin", False),
        ("duplicate", "copy (select 1) to stdout", True),
    ],
)
def test_data_that_is_copied_is_not_made_up(
    pg: SimpleNamespace, talk: Make, rule: Make, action: str, text: str, possible: bool
) -> None:
    lines = talk(rule(action))
    assert (lines.caller(pg.query(text)) != [("service", pg.query(text))]) is possible
    assert lines.counts().fired == int(possible)


def test_a_prepared_commit_fails_and_the_service_skips_the_rest(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("error", match={"command": "COMMIT"}))
    asked = sent(play.caller(pg.parse("COMMIT") + pg.bind() + pg.execute() + pg.sync), "service")
    assert b"ROLLBACK" in asked
    closed = pg.parsed + pg.bound + pg.done("ROLLBACK") + pg.closed
    said = play.service(pg.parsed + pg.bound + closed + pg.error("42601") + pg.ready())
    assert failure([("caller", sent(said, "caller").removeprefix(pg.parsed + pg.bound))])["C"] == "XX000"
    assert sent(said, "caller").endswith(pg.ready())
    assert b"ROLLBACK" not in sent(said, "caller")


def test_a_batch_ends_at_the_statement_that_is_dropped(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    lines = talk(rule("reset", match={"command": "INSERT"}, trigger={"nth": 2}))
    one = pg.parse("insert into t values (1)", "s") + pg.bind(name="s") + pg.execute()
    more = pg.bind(name="s") + pg.execute()
    assert sent(lines.caller(one + more * 3 + pg.sync), "service") == one + pg.flush
    answer = pg.parsed + pg.bound + pg.done("INSERT 0 1")
    assert lines.service(answer) == [("caller", answer), ("reset",)]
    assert lines.counts() == (2, 2, 1, 0)


def test_queries_in_a_row_are_answered_in_their_order(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("error", "insert*"))
    play.caller(pg.query("SELECT 1") + pg.query(INSERT) + pg.query("SELECT 2"))
    one = pg.columns(a=23) + pg.row(b"1") + pg.done("SELECT 1") + pg.ready()
    two = pg.columns(a=23) + pg.row(b"2") + pg.done("SELECT 1") + pg.ready()
    said = sent(play.service(one + pg.error("42601") + pg.ready() + two), "caller")
    assert said.startswith(one)
    assert said.endswith(pg.ready() + two)
    assert failure([("caller", said)])["C"] == "XX000"


def test_a_dropped_query_ends_the_connection_after_what_came_before(
    pg: SimpleNamespace, talk: Make, rule: Make
) -> None:
    play = talk(rule("drop", "insert*"))
    assert play.caller(pg.query("SELECT 1") + pg.query(INSERT)) == [("service", pg.query("SELECT 1"))]
    answer = pg.done("SELECT 0") + pg.ready()
    assert play.service(answer) == [("caller", answer), ("close",)]


@pytest.mark.parametrize(
    ("arguments", "fields"),
    [
        ({"message": "disk full"}, {"C": "XX000", "M": "disk full"}),
        ({"message": "deadlock detected"}, {"C": "40P01", "M": "deadlock detected"}),
        ({"message": "no luck (SQLSTATE 40001)"}, {"C": "40001", "M": "no luck (SQLSTATE 40001)"}),
        ({"code": "23505", "constraint_name": "pk", "detail": "d"}, {"C": "23505", "n": "pk", "D": "d"}),
        ({"code": "unique_violation", "message": "m"}, {"C": "23505", "M": "m"}),
    ],
)
def test_what_an_error_says(
    pg: SimpleNamespace, talk: Make, rule: Make, arguments: dict[str, str], fields: dict[str, str]
) -> None:
    play = talk(rule("error", **arguments))
    play.caller(pg.query(INSERT))
    assert failure(play.service(pg.error("42601") + pg.ready())).items() >= fields.items()


def test_some_errors_end_the_connection(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("error", code="57P01"))
    said = play.caller(pg.query(INSERT))
    assert failure(said)["S"] == "FATAL"
    assert said[-1] == ("close",)


def test_a_made_up_result(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("response", "select*", rows=[{"id": 1, "name": "Ada"}, {"id": 2}]))
    assert play.caller(pg.query("SELECT * FROM users")) == [("service", pg.query(""))]
    said = sent(play.service(pg.empty + pg.ready(b"T")), "caller")
    described = pg.columns(id=20, name=25)
    assert said == described + pg.row(b"1", b"Ada") + pg.row(b"2", None) + pg.done("SELECT 2") + pg.ready(b"T")


def test_a_lost_write(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("response", "insert*"))
    play.caller(pg.query(INSERT))
    assert play.service(pg.empty + pg.ready()) == [("caller", pg.done("INSERT 0 1") + pg.ready())]


def test_a_delayed_answer_comes_once_and_whole(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("response", "select*", delay_ms=300))
    play.caller(pg.query("SELECT 1"))
    assert play.service(pg.columns(a=23)) == [("wait", "response", 300)]
    assert play.service(pg.row(b"1") + pg.done("SELECT 1") + pg.ready()) == []
    assert sent(play.timer("response"), "caller").endswith(pg.ready())


def test_a_query_done_twice_is_answered_once(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("duplicate", "insert*"))
    query, answer = pg.query(INSERT), pg.done("INSERT 0 1") + pg.ready()
    assert play.caller(query) == [("service", query + query)]
    assert play.service(answer + answer) == [("caller", answer)]
    play.caller(pg.query("SELECT 1"))
    assert play.service(pg.done("SELECT 0") + pg.ready()) == [("caller", pg.done("SELECT 0") + pg.ready())]


def test_only_statements_can_be_answered_or_sent_twice(pg: SimpleNamespace, rule: Make) -> None:
    play = Play(dialogue, rule("response", rows=[]), rule("duplicate", slot=1))
    hello = pg.startup(user="ada")
    assert play.caller(hello) == [("service", hello)]
    assert play.counts() == (1, 1, 0, 1)


def test_notices_and_notifications_are_no_answers(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("delay", side="response", delay_ms=100))
    assert play.service(pg.notice) == [("caller", pg.notice)]
    play.caller(pg.query("SELECT 1"))
    assert play.service(pg.notice) == [("caller", pg.notice)]
    assert play.service(pg.done("SELECT 0") + pg.ready()) == [("wait", "response", 100)]
    assert play.counts() == (1, 1, 1, 0)


def test_data_is_copied_in_though_answers_are_held_for_their_status(
    pg: SimpleNamespace, talk: Make, rule: Make
) -> None:
    play = talk(rule("delay", side="response", match={"status": "never"}, delay_ms=100))
    play.caller(pg.query("COPY t FROM STDIN"))
    assert play.service(pg.copy_in) == [("caller", pg.copy_in)]
    data = pg.copy_data(b"1\n") + pg.copy_done
    assert play.caller(data) == [("service", data)]
    assert play.service(pg.done("COPY 1") + pg.ready()) == [("caller", pg.done("COPY 1") + pg.ready())]
    play.caller(pg.query("SELECT 1"))
    assert play.service(pg.columns(a=23)) == []
    assert play.service(pg.done("SELECT 0") + pg.ready()) != []


def test_rows_are_rewritten(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("rewrite", "select*", side="response", values={"stock": 0}))
    play.caller(pg.query("SELECT sku, stock FROM items"))
    columns = pg.columns(sku=25, stock=23)
    said = play.service(columns + pg.row(b"a", b"7") + pg.row(b"b", None) + pg.done("SELECT 2") + pg.ready())
    assert said == [("caller", columns + pg.row(b"a", b"0") + pg.row(b"b", b"0") + pg.done("SELECT 2") + pg.ready())]


def test_rows_are_replaced(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("rewrite", "select*", side="response", rows=[{"sku": "x"}]))
    play.caller(pg.query("SELECT sku, stock FROM items"))
    columns = pg.columns(sku=25, stock=23)
    said = play.service(columns + pg.row(b"a", b"7") + pg.row(b"b", None) + pg.done("SELECT 2") + pg.ready())
    assert said == [("caller", columns + pg.row(b"x", None) + pg.done("SELECT 1") + pg.ready())]


@pytest.mark.parametrize("arguments", [{"values": {"other": 1}}, {"rows": []}, {"values": {}}])
def test_what_changes_nothing_is_not_said_to_have_fired(
    pg: SimpleNamespace, talk: Make, rule: Make, arguments: dict[str, Any]
) -> None:
    play = talk(rule("rewrite", side="response", **arguments))
    play.caller(pg.query("UPDATE items SET stock = 0"))
    answer = pg.done("UPDATE 3") + pg.ready()
    assert play.service(answer) == [("caller", answer)]
    assert play.counts() == (1, 1, 0, 1)


# -- extended protocol


def test_a_prepared_statement_is_met_when_it_is_executed(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("error", "insert into orders*", match={"params.1": "42"}))
    prepare = pg.parse("INSERT INTO orders VALUES ($1)", name="s1", types=(23,)) + pg.sync
    assert play.caller(prepare) == [("service", prepare)]
    assert play.service(pg.parsed + pg.ready()) == [("caller", pg.parsed + pg.ready())]
    assert play.counts() == (0, 0, 0, 0)
    other = pg.bind(b"41", name="s1") + pg.execute() + pg.sync
    assert play.caller(other) == [("service", other)]
    play.service(pg.bound + pg.done("INSERT 0 1") + pg.ready())
    binary = pg.bind(b"\0\0\0\x2a", name="s1", formats=(1,)) + pg.describe() + pg.execute() + pg.sync
    assert play.caller(binary) == [("service", refused(pg) + pg.sync)]
    said = play.service(pg.error("42601") + pg.ready(b"E"))
    assert failure(said)["C"] == "XX000"
    assert sent(said, "caller").endswith(pg.ready(b"E"))
    assert play.counts() == (2, 1, 1, 0)


def test_a_parameter_that_is_null_has_no_value(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("error", match={"params.1": "*"}), rule("error", match={"params.2": "2"}, slot=1))
    play.caller(pg.parse("select $1, $2") + pg.bind(None, b"2") + pg.execute() + pg.sync)
    assert [play.counts(slot).fired for slot in (0, 1)] == [0, 1]


def test_an_unread_parameter_is_unresolved(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("error", match={"params.1": "42"}))
    play.caller(pg.parse("select $1") + pg.bind(b"\0\0\0\x2a", formats=(1,)) + pg.execute() + pg.sync)
    assert play.counts() == (1, 0, 0, 1)


def test_parameters_get_their_types_from_the_service(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("error", match={"params.1": "42"}))
    play.caller(pg.parse("select $1", name="s") + pg.describe("s", b"S") + pg.flush)
    play.service(pg.parsed + pg.types(20) + pg.no_data)
    play.caller(pg.bind(b"\0\0\0\0\0\0\0\x2a", name="s", formats=(1,)) + pg.execute() + pg.sync)
    assert play.counts() == (1, 1, 1, 0)


def test_what_follows_a_failure_is_skipped(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("error", match={"params.1": "2"}))
    units = [pg.bind(value, name="s") + pg.execute() for value in (b"1", b"2", b"3")]
    play.caller(pg.parse("insert into t values ($1)", name="s"))
    assert sent(play.caller(b"".join(units) + pg.sync), "service") == units[0] + refused(pg) + units[2] + pg.sync
    done = pg.bound + pg.done("INSERT 0 1")
    said = sent(play.service(pg.parsed + done + pg.error("42601") + pg.ready()), "caller")
    assert said.startswith(pg.parsed + done + b"E")
    assert said.endswith(pg.ready())
    play.caller(pg.bind(b"4", name="s") + pg.execute() + pg.sync)
    assert play.service(done + pg.ready()) == [("caller", done + pg.ready())]


def test_what_is_sent_after_a_failure_is_skipped_too(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("delay", "select 2", delay_ms=100))
    play.caller(pg.parse("select 1") + pg.bind() + pg.execute() + pg.flush)
    play.service(pg.error("42P01"))
    late = pg.parse("select 2") + pg.bind() + pg.execute() + pg.sync
    assert play.caller(late) == [("service", late)]
    assert play.service(pg.ready()) == [("caller", pg.ready())]
    assert play.counts().seen == 1
    assert play.caller(late) == [("service", pg.parse("select 2")), ("wait", "request", 100)]


def test_an_error_of_parse_is_its_statement_s(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("delay", side="response", match={"status": "42P01"}, delay_ms=100))
    play.caller(pg.parse("select * from nothing") + pg.bind() + pg.execute() + pg.sync)
    assert play.service(pg.error("42P01") + pg.ready()) == [("wait", "response", 100)]
    assert play.counts() == (1, 1, 1, 0)


def test_a_made_up_result_fits_what_was_bound(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("response", "select*", rows=[{"n": 7}]))
    play.caller(pg.parse("select n from t", name="s") + pg.describe("s", b"S") + pg.flush)
    play.service(pg.parsed + pg.types() + pg.columns(n=23))
    said = play.caller(pg.bind(name="s", results=(1,)) + pg.execute() + pg.sync)
    assert said == [("service", pg.close("faultbox", b"P") + pg.sync)]
    answer = pg.bound + pg.row(b"\0\0\0\7") + pg.done("SELECT 1") + pg.ready()
    assert play.service(pg.closed + pg.ready()) == [("caller", answer)]


def test_a_result_that_does_not_fit_is_no_result(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("response", "select*", rows=[{"n": "seven"}]))
    play.caller(pg.parse("select n from t", name="s") + pg.describe("s", b"S") + pg.flush)
    play.service(pg.parsed + pg.types() + pg.columns(n=23))
    asked = pg.bind(name="s", results=(1,)) + pg.execute() + pg.sync
    assert play.caller(asked) == [("service", asked)]
    assert play.counts() == (1, 1, 0, 1)


def test_a_statement_executed_twice_is_answered_once(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("duplicate", "insert*"))
    parse, unit = pg.parse(INSERT), pg.bind() + pg.execute()
    assert sent(play.caller(parse + unit), "service") == parse
    assert play.caller(pg.sync) == [("service", (unit + pg.sync) * 2)]
    done = pg.bound + pg.done("INSERT 0 1") + pg.ready()
    assert play.service(pg.parsed + done) == [("caller", pg.parsed + done)]
    assert play.service(pg.error("23505") + pg.ready()) == []
    assert_it_goes_on(play, pg)


def test_both_of_them_fail_where_it_can_t_be_parsed(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("duplicate", "insert*"))
    play.caller(pg.parse(INSERT) + pg.bind() + pg.execute() + pg.sync)
    failed = pg.error("42601") + pg.ready()
    assert play.service(failed) == [("caller", failed)]
    assert play.service(pg.error("26000") + pg.ready()) == []
    assert_it_goes_on(play, pg)


@pytest.mark.parametrize("action", ["error", "response"])
def test_what_is_not_done_twice_is_answered_all_the_same(
    pg: SimpleNamespace, talk: Make, rule: Make, action: str
) -> None:
    play = talk(rule(action, "insert*"), rule("duplicate", "update*", slot=1))
    instead = sent(play.caller(pg.parse(INSERT) + pg.bind() + pg.execute() + pg.sync), "service")
    assert instead.endswith(pg.sync)
    ends = pg.error("42601") if action == "error" else pg.closed
    said = sent(play.service(pg.parsed + ends + pg.ready()), "caller")
    assert said.startswith(pg.parsed + (b"E" if action == "error" else pg.bound + b"C"))
    assert said.endswith(pg.ready())
    assert_it_goes_on(play, pg)


def test_several_statements_before_a_sync_stay_one_transaction(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("duplicate", "insert*"))
    unit = pg.bind(name="s") + pg.execute()
    play.caller(pg.parse(INSERT, "s") + pg.bind(name="s") + pg.execute() + pg.flush)
    assert play.caller(unit + pg.sync) == [("service", unit * 2 + pg.sync)]
    done = pg.bound + pg.done("INSERT 0 1")
    assert play.service(pg.parsed + done * 2) == [("caller", pg.parsed + done)]
    failed = pg.error("23505") + pg.ready()
    assert play.service(failed) == [("caller", failed)]
    assert_it_goes_on(play, pg)


def test_a_failure_that_comes_before_sync_is_said(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("duplicate", "insert*"))
    unit = pg.bind() + pg.execute()
    play.caller(pg.parse(INSERT) + pg.flush + unit)
    assert play.service(pg.error("42601")) == [("caller", pg.error("42601"))]
    assert play.caller(pg.sync) == [("service", unit + pg.sync)]
    assert play.service(pg.ready()) == [("caller", pg.ready())]
    assert play.caller(pg.query(INSERT)) == [("service", pg.query(INSERT) * 2)]


def test_what_is_bound_apart_is_not_done_twice(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("duplicate", "insert*"))
    play.caller(pg.parse(INSERT) + pg.bind() + pg.flush)
    assert sent(play.caller(pg.execute() + pg.sync), "service") == pg.execute() + pg.sync
    assert play.counts() == (1, 1, 0, 1)


@pytest.mark.parametrize("bound", [True, False])
def test_where_the_second_time_fails_the_rest_up_to_sync_has_failed(
    pg: SimpleNamespace, talk: Make, rule: Make, *, bound: bool
) -> None:
    play = talk(rule("duplicate", "insert*"))
    unit = pg.bind(name="s") + pg.execute()
    assert sent(play.caller(pg.parse(INSERT, "s") + unit * 2 + pg.sync), "service").count(unit) == 4
    done = pg.bound + pg.done("INSERT 0 1")
    failed = (pg.bound if bound else b"") + pg.error("23505") + pg.ready()
    said = pg.parsed + done + pg.error("23505") + pg.ready()
    assert sent(play.service(pg.parsed + done + failed), "caller") == said
    assert_it_goes_on(play, pg)


def assert_it_goes_on(play: Play, pg: SimpleNamespace) -> None:
    play.rules()
    play.caller(pg.query("SELECT 1"))
    assert play.service(pg.done("SELECT 0") + pg.ready()) == [("caller", pg.done("SELECT 0") + pg.ready())]


def test_rows_come_in_portions(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("delay", "select*", delay_ms=100, trigger={"nth": 2}))
    first = pg.parse("select 1") + pg.bind(portal="c") + pg.execute("c", 1) + pg.sync
    assert play.caller(first) == [("service", first)]
    play.service(pg.parsed + pg.bound + pg.row(b"1") + pg.suspended + pg.ready(b"T"))
    assert play.caller(pg.execute("c", 1) + pg.sync) == [("wait", "request", 100)]


def test_copying_in_with_a_sync_too_many(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    """libpq sends a Sync with the COPY, which the service ignores, and another one after the data."""
    play = talk(rule("error", "select 1", code="40001"))
    play.caller(pg.parse("copy t from stdin") + pg.bind() + pg.execute() + pg.sync)
    play.service(pg.parsed + pg.bound + pg.copy_in)
    play.caller(pg.copy_data(b"1\n") + pg.copy_done + pg.sync)
    done = pg.done("COPY 1") + pg.ready()
    assert play.service(done) == [("caller", done)]
    play.caller(pg.query("select 1"))
    assert failure(play.service(pg.error("42601") + pg.ready()))["C"] == "40001"


# -- all of it


def session(pg: SimpleNamespace) -> list[tuple[str, bytes]]:
    """What both sides say, in turns."""
    return [
        ("caller", pg.ssl),
        ("service", b"N"),
        ("caller", pg.startup(user="ada", database="shop")),
        ("service", pg.wants_password),
        ("caller", pg.password),
        ("service", pg.authenticated + pg.ready()),
        ("caller", pg.query("select 1; select 2")),
        ("service", (pg.columns(a=23) + pg.row(b"1") + pg.done("SELECT 1")) * 2 + pg.notice + pg.ready()),
        ("caller", pg.parse("insert into t values ($1)", name="s") + pg.describe("s", b"S") + pg.flush),
        ("service", pg.parsed + pg.types(23) + pg.no_data),
        ("caller", pg.bind(b"1", name="s") + pg.execute() + pg.bind(b"2", name="s") + pg.execute() + pg.sync),
        ("service", pg.bound + pg.done("INSERT 0 1") + pg.error("23505") + pg.ready()),
        ("caller", pg.query("copy t from stdin") + pg.copy_data(b"x" * 50) * 3 + pg.copy_done),
        ("service", pg.copy_in + pg.done("COPY 3") + pg.ready()),
        ("caller", pg.close("s") + pg.sync + pg.terminate),
        ("service", pg.closed + pg.ready()),
    ]


@given(cuts=st.lists(st.integers(0, 400), max_size=12), held=st.booleans())
@settings(max_examples=200)
def test_byte_for_byte_at_every_boundary(pg: SimpleNamespace, cuts: list[int], held: bool) -> None:
    match = {"query": "never"} if not held else {"status": "never", "query": "never*"}
    play = Play(dialogue, _rule("drop", side="response" if held else "request", match=match))
    for who, data in session(pg):
        places = sorted({0, *(cut % (len(data) + 1) for cut in cuts), len(data)})
        chunks = [data[start:end] for start, end in pairwise(places)]
        say = play.caller if who == "caller" else play.service
        heard = b"".join(sent(say(chunk), "service" if who == "caller" else "caller") for chunk in chunks)
        assert heard == data
    assert not play.talk.plain


def _rule(action: str, **rest: Any) -> MessageRule:
    return a_rule(action, protocol="postgres", **rest)


@given(seed=st.integers(), garbage=st.binary(max_size=80))
@settings(max_examples=200)
def test_changed_bytes_never_raise_and_are_never_lost(pg: SimpleNamespace, seed: int, garbage: bytes) -> None:
    chance = random.Random(seed)
    actions = ({"action": "delay", "delay_ms": 0}, {"action": "duplicate"}, {"action": "rewrite", "side": "response"})
    match = chance.choice(({}, {"status": "x*"}, {"table": "never", "params.1": "2"}))
    chosen = chance.choice((None, *actions)) if not match else None
    rules = [_rule("drop", side="response", match=match)] if match else []
    play = Play(dialogue, *rules, *([_rule(**chosen)] if chosen else []), protocol="postgres")
    heard: dict[str, bytes] = {"caller": b"", "service": b""}
    said = {"caller": b"", "service": b""}
    for who, data in session(pg):
        changed = bytearray(data)
        for _ in range(chance.randrange(3)):
            at = chance.randrange(len(changed) + 1)
            changed[at : at + chance.randrange(4)] = garbage[: chance.randrange(8)]
        said[who] += changed
        out = (play.caller if who == "caller" else play.service)(bytes(changed))
        for side in heard:
            heard[side] += sent(out, side)
    for side in ("request", "response"):
        out = play.ended(side)  # type: ignore[arg-type]
        for to in heard:
            heard[to] += sent(out, to)
    if chosen is None:
        assert heard == {"caller": said["service"], "service": said["caller"]}


def test_what_is_too_large_is_unresolved(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    play = talk(rule("error", "select*"))
    query = pg.query("select '" + "x" * (HOLD_LIMIT + 10) + "'")
    heard = sent(play.caller(query[: HOLD_LIMIT + 6]), "service") + sent(
        play.caller(query[HOLD_LIMIT + 6 :]), "service"
    )
    assert heard == query
    assert play.counts() == (1, 0, 0, 1)
    bind = pg.parse("select $1") + pg.bind(b"x" * (HOLD_LIMIT + 10)) + pg.execute()
    half = len(bind) - 20
    assert sent(play.caller(bind[:half]) + play.caller(bind[half:]), "service") == bind[: -len(pg.execute())] + refused(
        pg
    )


def test_every_argument_of_the_table_is_understood(pg: SimpleNamespace, talk: Make, rule: Make) -> None:
    samples = {"text": "x", "any": [{"a": 1}], "number": 1, "sqlstate": "40P01"}
    for action in ("response", "error"):
        form = PROTOCOLS["postgres"].actions[action]  # type: ignore[index]
        arguments = {each.name: samples[each.kind] for each in form.arguments if each.name != "delay_ms"}
        play = talk(rule(action, **arguments))
        play.caller(pg.query("SELECT 1"))
        assert play.counts().fired == 1
        assert sent(play.service(pg.error("42601") + pg.ready()), "caller").endswith(pg.ready())
