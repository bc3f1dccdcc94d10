"""Scripts of what a client and a server say, and what each of them hears."""

from __future__ import annotations

import random
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultbox.model.message import MessageRule
from faultbox.protocols.redis.faults import dialogue, error_text, matcher
from faultbox.protocols.redis.values import Failure, Map, Push, Simple, command, encode
from faultbox.proxy.playbook import Play, a_rule, sent

GET = command(b"GET", b"a")
SET = command(b"SET", b"a", b"1")
OK = b"+OK\r\n"


def play(*rules: MessageRule) -> Play:
    return Play(dialogue, *rules, protocol="redis")


def rule(action: str, command: str = "", key: str = "", **rest: Any) -> MessageRule:
    match = {name: glob for name, glob in (("command", command), ("key", key)) if glob}
    return a_rule(action, match={**match, **rest.pop("match", {})}, protocol="redis", **rest)


def error(command: str = "GET", **rest: Any) -> MessageRule:
    return rule("error", command, **rest)


# -- answers


def test_an_error_is_answered_in_its_turn() -> None:
    talk = play(error("GET"))
    assert talk.caller(SET + GET) == [("service", SET)]
    assert talk.service(OK) == [("caller", OK + b"-ERR injected fault\r\n")]
    assert talk.counts() == (2, 1, 1, 0)
    assert talk.notes[0] == {
        "caller": "api",
        "interface": "main",
        "protocol": "redis",
        "side": "request",
        "command": "GET",
        "key": "a",
        "decision": "error",
        "rule": "r0",
        "label": "label 0",
    }


@pytest.mark.parametrize(
    ("message", "said"),
    [
        ("", b"ERR injected fault"),
        ("disk full", b"ERR disk full"),
        ("READONLY", b"READONLY You can't write against a read only replica."),
        ("LOADING", b"LOADING Redis is loading the dataset in memory"),
        ("CLUSTERDOWN Hash slot not served", b"CLUSTERDOWN Hash slot not served"),
        ("-OOM no", b"OOM no"),
        ("MOVED 3999 127.0.0.1:6381", b"MOVED 3999 127.0.0.1:6381"),
        ("Not a code", b"ERR Not a code"),
    ],
)
def test_errors_have_a_code(message: str, said: bytes) -> None:
    assert error_text(message) == said


def test_an_error_stays_one_line() -> None:
    assert play(error(message="ERR a\r\nb\n+c")).caller(GET) == [("caller", b"-ERR a  b +c\r\n")]


@pytest.mark.parametrize(
    ("arguments", "two", "three"),
    [
        ({"value": "x\u00e9"}, b"$3\r\nx\xc3\xa9\r\n", b"$3\r\nx\xc3\xa9\r\n"),
        ({"value": ""}, b"$0\r\n\r\n", b"$0\r\n\r\n"),
        ({"value": None}, b"$-1\r\n", b"_\r\n"),
        ({}, b"$-1\r\n", b"_\r\n"),
        ({"body": ""}, b"$-1\r\n", b"_\r\n"),
        ({"body": "x"}, b"$1\r\nx\r\n", b"$1\r\nx\r\n"),
        ({"value": 5}, b":5\r\n", b":5\r\n"),
        ({"value": True}, b":1\r\n", b"#t\r\n"),
        ({"value": 1.5}, b"$3\r\n1.5\r\n", b",1.5\r\n"),
        ({"value": ["a", None, 1]}, b"*3\r\n$1\r\na\r\n$-1\r\n:1\r\n", b"*3\r\n$1\r\na\r\n_\r\n:1\r\n"),
        ({"value": {"a": 1}}, b"*2\r\n$1\r\na\r\n:1\r\n", b"%1\r\n$1\r\na\r\n:1\r\n"),
    ],
)
def test_a_response_in_the_version_that_the_caller_speaks(arguments: dict[str, Any], two: bytes, three: bytes) -> None:
    made = rule("response", "GET", **arguments)
    assert play(made).caller(GET) == [("caller", two)]
    talk = play(made)
    talk.caller(command(b"HELLO", b"3"))
    talk.service(b"%1\r\n+proto\r\n:3\r\n")
    assert talk.caller(GET) == [("caller", three)]


def test_a_version_that_was_refused_is_not_spoken() -> None:
    talk = play(rule("response", "GET"))
    talk.caller(command(b"HELLO", b"3"))
    talk.service(b"-NOAUTH HELLO must be called\r\n")
    assert talk.caller(GET) == [("caller", b"$-1\r\n")]
    talk = play(rule("response", "GET"), error("HELLO", message="NOPROTO unsupported", slot=1))
    talk.caller(command(b"HELLO", b"3"))
    assert talk.caller(GET) == [("caller", b"$-1\r\n")]


# -- matching


@pytest.mark.parametrize(
    ("key", "glob", "value", "meets"),
    [
        ("command", "get", "GET", True),
        ("command", "G*", "GET", True),
        ("command", "CONFIG", "CONFIG SET", True),
        ("command", "config set", "CONFIG SET", True),
        ("command", "CONFIG|SET", "CONFIG SET", True),
        ("command", "CONFIG GET", "CONFIG SET", False),
        ("command", "*SET", "CONFIG SET", False),
        ("key", "user:*", "user:1", True),
        ("key", "USER:*", "user:1", False),
        ("key", "a*c", "a/b/c", True),
        ("key", "b", "a\0b", True),
        ("key", "c", "a\0b", False),
    ],
)
def test_globs(key: str, glob: str, value: str, meets: bool) -> None:
    assert matcher(key, glob)(value) is meets


def test_any_key_of_a_command_is_met() -> None:
    talk = play(rule("error", key="b*"))
    assert talk.caller(command(b"mget", b"a", b"b1")) == [("caller", b"-ERR injected fault\r\n")]
    assert talk.caller(GET) == [("service", GET)]
    assert talk.caller(b"PING b\r\n") == [("service", b"PING b\r\n")]


def test_a_large_value_is_not_held_for_its_key() -> None:
    talk = play(error("GET"))
    data = command(b"SET", b"a", b"x" * 100_000)
    assert talk.caller(data[:1000]) == [("service", data[:1000])]
    assert talk.caller(data[1000:] + GET) == [("service", data[1000:])]
    assert talk.service(OK) == [("caller", OK + b"-ERR injected fault\r\n")]


def test_replies_are_met_by_what_they_say_and_what_was_asked() -> None:
    nil = rule("response", "GET", side="response", match={"status": "nil"}, value="fresh")
    talk = play(nil)
    talk.caller(GET + GET + SET)
    assert talk.service(b"$-1\r\n$1\r\nx\r\n" + OK) == [("caller", b"$5\r\nfresh\r\n$1\r\nx\r\n" + OK)]
    talk = play(rule("error", side="response", match={"value": "secret*"}, message="NOPERM"))
    talk.caller(GET)
    assert talk.service(b"$8\r\nsecr") == []
    assert sent(talk.service(b"et 1\r\n"), "caller").startswith(b"-NOPERM ")


# -- rewrites


@pytest.mark.parametrize(
    ("reply", "value", "rewritten"),
    [
        (b"$1\r\nx\r\n", "new", b"$3\r\nnew\r\n"),
        (b"$1\r\nx\r\n", 5, b"$1\r\n5\r\n"),
        (b"$1\r\nx\r\n", None, b"$-1\r\n"),
        (b"$-1\r\n", "new", b"$3\r\nnew\r\n"),
        (b":1\r\n", 7, b":7\r\n"),
        (b":1\r\n", "-7", b":-7\r\n"),
        (OK, "QUEUED", b"+QUEUED\r\n"),
        (b"-ERR no\r\n", "fine", b"$4\r\nfine\r\n"),
        (b"*1\r\n:1\r\n", ["a"], b"*1\r\n$1\r\na\r\n"),
    ],
)
def test_a_rewritten_value_keeps_its_type(reply: bytes, value: Any, rewritten: bytes) -> None:
    talk = play(rule("rewrite", "GET", side="response", value=value))
    talk.caller(GET)
    assert talk.service(reply) == [("caller", rewritten)]


def test_a_delivered_message_is_rewritten_in_its_place() -> None:
    changed = rule("rewrite", "message", "news", side="response", value="changed")
    talk = play(changed)
    talk.caller(command(b"SUBSCRIBE", b"news"))
    talk.service(b"*3\r\n$9\r\nsubscribe\r\n$4\r\nnews\r\n:1\r\n")
    assert talk.service(b"*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$2\r\nhi\r\n") == [
        ("caller", b"*3\r\n$7\r\nmessage\r\n$4\r\nnews\r\n$7\r\nchanged\r\n")
    ]


# -- twice


def test_a_command_is_done_twice_and_answered_once() -> None:
    incr = command(b"INCR", b"n")
    talk = play(rule("duplicate", "INCR"))
    assert talk.caller(incr) == [("service", incr * 2)]
    assert sent(talk.service(b":1\r\n:2\r\n"), "caller") == b":1\r\n"
    assert talk.counts() == (1, 1, 1, 0)


@pytest.mark.parametrize("before", [b"", command(b"MULTI")])
def test_what_changes_the_connection_is_not_done_twice(before: bytes) -> None:
    talk = play(rule("duplicate", "S*"))
    sent_twice = SET if before else command(b"SUBSCRIBE", b"a")
    assert sent(talk.caller(before + sent_twice), "service") == before + sent_twice
    assert talk.counts()[1:] == (1, 0, 1)


def test_a_published_message_comes_twice_and_a_reply_does_not() -> None:
    talk = play(rule("duplicate", side="response"))
    talk.caller(command(b"SUBSCRIBE", b"a"))
    confirmed = confirmation(b"subscribe", b"a", 1)
    delivered = b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n"
    assert sent(talk.service(confirmed + delivered), "caller") == confirmed + delivered * 2
    assert talk.counts() == (2, 2, 1, 1)


# -- transactions


def test_a_command_refused_within_a_transaction_makes_it_fail() -> None:
    talk = play(error("SET", message="OOM"))
    multi, exec_ = command(b"MULTI"), command(b"EXEC")
    refused = command(b"FAULTBOX.REFUSED")
    assert talk.caller(multi + SET + GET + exec_) == [("service", multi + refused + GET + exec_)]
    said = talk.service(OK + b"-ERR unknown command\r\n+QUEUED\r\n-EXECABORT Transaction discarded\r\n")
    oom = b"-OOM command not allowed when used memory > 'maxmemory'.\r\n"
    assert said == [("caller", OK + oom + b"+QUEUED\r\n-EXECABORT Transaction discarded\r\n")]
    assert talk.caller(SET) == [("caller", oom)]


@pytest.mark.parametrize(
    ("value", "script"),
    [
        ("it's\n", rb"return '\105\116\039\115\010'"),
        (None, b"return false"),
        (5, b"return 5"),
        (True, b"return 1"),
        (["a", None, 2], rb"return {'\097',false,2}"),
        ({"a": 1}, rb"return {'\097',1}"),
        (1.5, rb"return '\049\046\053'"),
    ],
)
def test_a_value_within_a_transaction_comes_with_it(value: Any, script: bytes) -> None:
    talk = play(rule("response", "GET", value=value))
    talk.caller(command(b"MULTI"))
    talk.service(OK)
    assert talk.caller(GET) == [("service", command(b"EVAL", script, b"0"))]
    assert talk.service(b"+QUEUED\r\n") == [("caller", b"+QUEUED\r\n")]


@pytest.mark.parametrize("message", ["WRONGTYPE", "ERR value is not an integer or out of range"])
def test_an_error_that_redis_finds_when_it_does_a_command_comes_out_of_exec(message: str) -> None:
    talk = play(error("SET", message=message))
    talk.caller(command(b"MULTI"))
    talk.service(OK)
    ((_, instead),) = talk.caller(SET)
    assert b"return {err='" in instead
    assert talk.service(b"+QUEUED\r\n") == [("caller", b"+QUEUED\r\n")]
    assert talk.counts()[:3] == (2, 1, 1)


def test_what_cannot_be_rewritten_is_counted_as_that() -> None:
    talk = play(rule("rewrite", "GET", side="response", value="x"))
    talk.caller(command(b"MULTI") + GET)
    assert talk.service(OK + b"+QUEUED\r\n") == [("caller", OK + b"+QUEUED\r\n")]
    assert talk.counts() == (2, 1, 0, 1)
    talk = play(rule("rewrite", "GET", side="response", value="x"))
    talk.caller(GET)
    assert talk.service(b":twelve\r\n") == [("caller", b":twelve\r\n")]
    assert talk.counts() == (1, 1, 0, 1)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (
            rule("error", "EXEC", message="EXECABORT"),
            b"-EXECABORT Transaction discarded because of previous errors.\r\n",
        ),
        (rule("response", "EXEC", value=None), b"$-1\r\n"),
    ],
)
def test_a_transaction_that_fails_is_discarded(made: MessageRule, said: bytes) -> None:
    talk = play(made)
    talk.caller(command(b"MULTI"))
    talk.service(OK)
    assert talk.caller(command(b"EXEC")) == [("service", command(b"DISCARD"))]
    assert talk.service(OK) == [("caller", said)]


def test_a_transaction_that_never_began() -> None:
    talk = play(error("MULTI"), error("SET", slot=1))
    assert talk.caller(command(b"MULTI") + SET) == [("caller", b"-ERR injected fault\r\n" * 2)]


# -- what belongs to what


def confirmation(kind: bytes, channel: bytes, count: int, first: bytes = b"*") -> bytes:
    return b"%b3\r\n$%d\r\n%b\r\n$%d\r\n%b\r\n:%d\r\n" % (first, len(kind), kind, len(channel), channel, count)


@pytest.mark.parametrize("first", [b"*", b">"])
def test_a_subscription_is_answered_once_for_each_channel(first: bytes) -> None:
    talk = play(error("PING"))
    subscribe = command(b"SUBSCRIBE", b"a", b"b")
    assert talk.caller(subscribe + b"PING\r\n") == [("service", subscribe)]
    confirmed = confirmation(b"subscribe", b"a", 1, first)
    delivered = b"%b3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n" % first
    assert talk.service(confirmed + delivered) == [("caller", confirmed + delivered)]
    confirmed = confirmation(b"subscribe", b"b", 2, first)
    assert talk.service(confirmed) == [("caller", confirmed + b"-ERR injected fault\r\n")]


def test_an_unsubscription_of_everything() -> None:
    talk = play(error("PING"))
    talk.caller(command(b"SUBSCRIBE", b"a", b"b", b"c"))
    talk.service(b"".join(confirmation(b"subscribe", name, 1 + at) for at, name in enumerate((b"a", b"b", b"c"))))
    talk.caller(command(b"UNSUBSCRIBE", b"c"))
    talk.service(confirmation(b"unsubscribe", b"c", 2))
    talk.caller(b"UNSUBSCRIBE\r\nPING\r\n")
    assert talk.service(confirmation(b"unsubscribe", b"a", 1)) == [("caller", confirmation(b"unsubscribe", b"a", 1))]
    last = confirmation(b"unsubscribe", b"b", 0)
    assert talk.service(last) == [("caller", last + b"-ERR injected fault\r\n")]
    nothing = b"*3\r\n$11\r\nunsubscribe\r\n$-1\r\n:0\r\n"
    talk.caller(b"UNSUBSCRIBE\r\nPING\r\n")
    assert talk.service(nothing) == [("caller", nothing + b"-ERR injected fault\r\n")]


def test_a_refused_subscription_is_answered_once() -> None:
    talk = play(error("PING"))
    talk.caller(command(b"SUBSCRIBE", b"a", b"b") + b"PING\r\n")
    assert talk.service(b"-NOPERM no\r\n") == [("caller", b"-NOPERM no\r\n-ERR injected fault\r\n")]


def test_pushes_come_at_any_time() -> None:
    talk = play(error("GET"))
    talk.caller(SET + GET)
    push = b">2\r\n$10\r\ninvalidate\r\n*1\r\n$1\r\na\r\n"
    assert talk.service(push) == [("caller", push)]
    assert talk.service(OK + push) == [("caller", OK + b"-ERR injected fault\r\n" + push)]


def test_a_list_that_looks_like_a_delivery_is_a_reply() -> None:
    talk = play(error("GET"))
    talk.caller(command(b"LRANGE", b"l", b"0", b"-1") + GET)
    reply = b"*3\r\n$7\r\nmessage\r\n$1\r\na\r\n$2\r\nhi\r\n"
    assert talk.service(reply) == [("caller", reply + b"-ERR injected fault\r\n")]


def test_lists_of_lists_to_one_who_subscribed() -> None:
    talk = play(error("GET"))
    talk.caller(command(b"SUBSCRIBE", b"a"))
    talk.service(confirmation(b"subscribe", b"a", 1))
    talk.caller(command(b"XREAD", b"STREAMS", b"s", b"0") + GET)
    reply = b"*1\r\n*2\r\n$1\r\ns\r\n*0\r\n"
    assert talk.service(reply) == [("caller", reply + b"-ERR injected fault\r\n")]


def test_monitor() -> None:
    talk = play(error("GET"))
    line = b'+1700000000.123456 [0 127.0.0.1:5] "ping"\r\n'
    assert talk.caller(b"MONITOR\r\n") == [("service", b"MONITOR\r\n")]
    assert talk.service(OK + line) == [("caller", OK + line)]
    talk.caller(b"PING\r\n" + GET)
    assert talk.service(line) == [("caller", line)]
    assert talk.service(b"+PONG\r\n" + line) == [("caller", b"+PONG\r\n-ERR injected fault\r\n" + line)]
    talk.caller(b"RESET\r\n")
    talk.service(b"+RESET\r\n")
    talk.caller(b"ECHO x\r\n" + GET)
    assert talk.service(line) == [("caller", line + b"-ERR injected fault\r\n")]


def test_replies_that_are_off() -> None:
    talk = play(error("GET"))
    off, skip, on = (command(b"CLIENT", b"REPLY", mode) for mode in (b"OFF", b"SKIP", b"ON"))
    assert talk.caller(skip + SET + SET + GET) == [("service", skip + SET + SET)]
    assert talk.service(OK) == [("caller", OK + b"-ERR injected fault\r\n")]
    talk.caller(off + SET + SET + on + GET)
    assert talk.service(OK) == [("caller", OK + b"-ERR injected fault\r\n")]


def test_inline_commands_and_empty_lines() -> None:
    talk = play(error("GET"))
    assert talk.caller(b"\r\nSET a 1\r\n*0\r\nGET a\r\n") == [("service", b"\r\nSET a 1\r\n*0\r\n")]
    assert talk.service(OK) == [("caller", OK + b"-ERR injected fault\r\n")]


def test_a_replication_stream_is_only_pumped() -> None:
    talk = play(error("GET"))
    psync = command(b"PSYNC", b"?", b"-1")
    assert talk.caller(psync) == [("service", psync)]
    stream = b"+FULLRESYNC abc 0\r\n$5\r\nREDIS" + GET
    assert talk.service(stream) == [("caller", stream)]
    assert talk.caller(GET) == [("service", GET)]
    assert talk.notes[-1]["reason"] == "it carries a replication stream"


@pytest.mark.parametrize("side", ["request", "response"])
def test_bytes_that_make_no_sense_are_pumped_with_what_was_held(side: str) -> None:
    talk = play(rule("rewrite", "GET", side="response", value="x"), error("SET", slot=1))
    assert talk.caller(GET + SET[:8]) == [("service", GET)]
    assert talk.service(b"$9\r\nheld") == []
    if side == "request":
        assert talk.caller(b"\xff\xff\r\n*x\r\n") == [
            ("service", SET[:8] + b"\xff\xff\r\n*x\r\n"),
            ("caller", b"$9\r\nheld"),
        ]
    else:
        assert talk.service(b"12345\r\n\xffbad\r\n") == [
            ("service", SET[:8]),
            ("caller", b"$1\r\nx\r\n\xffbad\r\n"),
        ]
    assert talk.caller(SET) == [("service", SET)]


# -- whatever comes

_RULES = (
    error("NEVER"),
    rule("rewrite", "NEVER", side="response", value="x", slot=1),
    rule("delay", match={"value": "never"}, side="response", slot=2, delay_ms=5),
)
_SESSION = (
    (command(b"HELLO", b"3") + SET, b"%1\r\n+proto\r\n:3\r\n" + OK),
    (command(b"SUBSCRIBE", b"a", b"b"), confirmation(b"subscribe", b"a", 1, b">")),
    (b"PING\r\n\r\n" + GET, confirmation(b"subscribe", b"b", 2, b">") + b"+PONG\r\n$3\r\n\r\nx\r\n"),
    (command(b"MULTI") + SET * 3 + command(b"EXEC"), OK + b"+QUEUED\r\n" * 3 + b"*3\r\n" + OK * 3),
)


@given(st.integers(min_value=0), st.integers(min_value=1, max_value=40), st.booleans())
def test_byte_for_byte(seed: int, size: int, late: bool) -> None:
    dice = random.Random(seed)
    talk = play() if late else play(*_RULES)
    heard = {"service": b"", "caller": b""}
    for asked, answered in _SESSION:
        for data, say in ((asked, talk.caller), (answered, talk.service)):
            rest = data
            while rest:
                step = dice.randint(1, size)
                said = say(rest[:step])
                rest = rest[step:]
                for to in heard:
                    heard[to] += sent(said, to)
        if late:
            talk.rules(*_RULES)
    assert heard == {"service": b"".join(a for a, _ in _SESSION), "caller": b"".join(b for _, b in _SESSION)}
    assert talk.counts(0).fired == talk.counts(1).fired == talk.counts(2).fired == 0


@given(st.lists(st.tuples(st.booleans(), st.binary(max_size=30)), max_size=12), st.integers(min_value=0))
def test_whatever_comes_nothing_raises_and_nothing_is_lost(turns: list[tuple[bool, bytes]], seed: int) -> None:
    dice = random.Random(seed)
    talk = play(*_RULES)
    heard = {"service": b"", "caller": b""}
    said = {"service": b"", "caller": b""}
    valid = {"service": b"".join(a for a, _ in _SESSION), "caller": b"".join(b for _, b in _SESSION)}
    for from_caller, noise in turns:
        to = "service" if from_caller else "caller"
        at = dice.randrange(len(valid[to]))
        data = valid[to][:at] + noise + valid[to][at + 1 :]
        said[to] += data
        out = talk.caller(data) if from_caller else talk.service(data)
        for hearer in heard:
            heard[hearer] += sent(out, hearer)
    for out in (talk.ended("request"), talk.ended("response")):
        for hearer in heard:
            heard[hearer] += sent(out, hearer)
    assert heard == said


_WORDS = st.sampled_from(
    [
        *(
            b"SUBSCRIBE",
            b"unsubscribe",
            b"PSUBSCRIBE",
            b"HELLO",
            b"3",
            b"2",
            b"CLIENT",
            b"REPLY",
            b"OFF",
            b"SKIP",
            b"ON",
        ),
        *(
            b"MULTI",
            b"EXEC",
            b"DISCARD",
            b"MONITOR",
            b"RESET",
            b"EVAL",
            b"XREAD",
            b"STREAMS",
            b"GET",
            b"SET",
            b"a",
            b"1",
        ),
    ]
)
_VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers()
    | st.floats()
    | st.sampled_from([b"message", b"subscribe", b"unsubscribe", b"a", b"", b"\xff"])
    | st.builds(Simple, st.sampled_from([b"OK", b"QUEUED", b"1700000000.1 [0 x]"]))
    | st.builds(Failure, st.just(b"ERR no")),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.builds(lambda pairs: Map(tuple(pairs)), st.lists(st.tuples(inner, inner), max_size=3))
        | st.builds(lambda items: Push(tuple(items)), st.lists(inner, max_size=4))
    ),
    max_leaves=12,
)


@given(st.lists(st.lists(_WORDS, min_size=1, max_size=5) | _VALUES.map(lambda value: (value,)), max_size=12))
def test_whatever_is_asked_and_answered_nothing_raises(turns: list[list[bytes] | tuple[Any]]) -> None:
    talk = play(
        rule("rewrite", side="response", trigger={"every": 2}, value="x"),
        rule("response", "G*", value=[{"a": None}, 1.5], slot=1),
        error("X*", slot=2),
        rule("duplicate", "SET", slot=3),
    )
    for turn in turns:
        if isinstance(turn, list):
            talk.caller(command(*turn))
        else:
            talk.service(encode(turn[0], 3))
    assert not talk.talk.plain
