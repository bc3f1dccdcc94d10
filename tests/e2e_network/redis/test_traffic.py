"""What Redis connections do beside asking and answering, through a proxy with and without rules."""

from __future__ import annotations

import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import redis

from faultbox.protocols.redis.client import ready, step
from faultbox.protocols.redis.commands import keys_of

Rule = Callable[..., Any]
Connect = Callable[..., Any]
MONITORED_S = 10


@pytest.fixture
def connect(door: Any) -> Iterator[Connect]:
    """`connect(**options)`: a client of the proxy."""
    clients: list[Any] = []

    def make(**options: Any) -> Any:
        clients.append(redis.Redis(port=door.port, decode_responses=True, retry=None, **options))
        return clients[-1]

    yield make
    for client in clients:
        client.close()


@pytest.fixture
def direct(server: int) -> Iterator[Any]:
    with redis.Redis(port=server, decode_responses=True) as client:
        yield client


@pytest.fixture(params=["no rules", "rules"])
def watched(request: pytest.FixtureRequest, door: Any, rule: Rule) -> str:
    """With rules that never match, or without any."""
    if request.param == "rules":
        door.rules(
            rule("error", "NEVER"),
            rule("rewrite", "NEVER", side="response", put="x"),
            rule("delay", side="response", value="never", delay_ms=5),
        )
    return str(request.param)


def eventually(holds: Callable[[], bool]) -> None:
    deadline = time.monotonic() + 10
    while not holds():
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("protocol", [2, 3])
def test_publish_and_subscribe(watched: str, connect: Connect, direct: Any, protocol: int) -> None:
    with connect(protocol=protocol).pubsub() as subscription:
        subscription.subscribe("a", "b")
        subscription.psubscribe("c*")
        kinds = [subscription.get_message(timeout=5)["type"] for _ in range(3)]
        assert kinds == ["subscribe", "subscribe", "psubscribe"]
        for number in range(100):
            assert direct.publish("a", f"text {number}") == 1
        assert direct.publish("cc", "pattern") == 1
        said = [subscription.get_message(timeout=5) for _ in range(101)]
        assert [each["data"] for each in said] == [*(f"text {number}" for number in range(100)), "pattern"]
        if protocol == 2:
            subscription.ping()
            assert subscription.get_message(timeout=5)["type"] == "pong"
        subscription.unsubscribe()
        subscription.punsubscribe()
        kinds = [subscription.get_message(timeout=5)["type"] for _ in range(3)]
        assert kinds == ["unsubscribe", "unsubscribe", "punsubscribe"]


def test_invalidations_are_pushed_between_replies(watched: str, connect: Connect, direct: Any) -> None:
    client = connect(protocol=3, single_connection_client=True)
    pushed: list[Any] = []
    client.connection._parser.set_invalidation_push_handler(pushed.append)
    client.execute_command("CLIENT", "TRACKING", "ON")
    for number in range(20):
        client.set("seen", number)
        assert client.get("seen") == str(number)
        direct.set("seen", "changed")
        eventually(lambda: client.get("seen") == "changed")
    assert len(pushed) >= 20


def test_monitor(watched: str, connect: Connect, direct: Any) -> None:
    with connect(socket_timeout=MONITORED_S).monitor() as monitor:
        for number in range(50):
            direct.get(f"watched {number}")
        commands = iter(lambda: monitor.next_command()["command"], "GET watched 49")
        seen = [each for each in commands if each.startswith("GET")]
        assert seen == [f"GET watched {number}" for number in range(49)]


def test_blocking_commands(watched: str, connect: Connect, direct: Any) -> None:
    client = connect()
    assert client.blpop("queue", timeout=0.2) is None
    direct.rpush("queue", "ready")
    assert client.blpop(["other", "queue"], timeout=5) == ("queue", "ready")
    popped: list[Any] = []
    waiter = threading.Thread(target=lambda: popped.append(client.brpop("queue", timeout=10)))
    waiter.start()
    eventually(lambda: direct.info("clients")["blocked_clients"] == 1)
    direct.rpush("queue", "woken")
    waiter.join()
    assert popped == [("queue", "woken")]


def test_unblocking_and_unpausing(watched: str, connect: Connect, direct: Any) -> None:
    client = connect(single_connection_client=True)
    number = client.client_id()
    popped: list[Any] = []
    waiter = threading.Thread(target=lambda: popped.append(client.brpop("queue", timeout=10)))
    waiter.start()
    eventually(lambda: direct.info("clients")["blocked_clients"] == 1)
    assert direct.client_unblock(number) == 1
    waiter.join()
    assert popped == [None]
    direct.client_pause(10_000, all=False)
    writer = threading.Thread(target=lambda: popped.append(client.set("paused", "x")))
    writer.start()
    eventually(lambda: direct.info("clients")["blocked_clients"] == 1)
    direct.client_unpause()
    writer.join()
    assert popped == [None, True]


def test_replies_that_are_off(watched: str, connect: Connect) -> None:
    connection = connect(single_connection_client=True).connection
    connection.send_command("CLIENT", "REPLY", "OFF")
    for number in range(10):
        connection.send_command("SET", "silent", number)
    connection.send_command("CLIENT", "REPLY", "ON")
    assert connection.read_response() == "OK"
    connection.send_command("GET", "silent")
    assert connection.read_response() == "9"


def test_an_optimistic_transaction(watched: str, connect: Connect, direct: Any) -> None:
    client = connect()
    with client.pipeline() as pipe:
        pipe.watch("balance")
        direct.set("balance", "taken")
        pipe.multi()
        pipe.set("balance", "mine")
        with pytest.raises(redis.WatchError):
            pipe.execute()
    assert client.get("balance") == "taken"


def test_a_transaction_with_a_refused_command_does_nothing(connect: Connect, door: Any, rule: Rule) -> None:
    client = connect()
    door.rules(rule("error", "SET", "b", message="OOM"))
    with client.pipeline(transaction=True) as pipe:
        pipe.set("a", "1").set("b", "2")
        with pytest.raises(redis.OutOfMemoryError) as raised:
            pipe.execute()
    assert isinstance(raised.value.__context__, redis.exceptions.ExecAbortError)
    assert client.get("a") is None
    assert client.set("a", "2")


def test_a_transaction_with_a_command_that_fails_does_the_others(connect: Connect, door: Any, rule: Rule) -> None:
    client = connect()
    door.rules(rule("error", "LPUSH", "b", message="WRONGTYPE"))
    with client.pipeline(transaction=True) as pipe:
        done = pipe.set("a", "1").lpush("b", "2").execute(raise_on_error=False)
    assert done[0] is True
    assert str(done[1]).endswith("Operation against a key holding the wrong kind of value")
    assert (client.get("a"), client.exists("b")) == ("1", 0)


def test_nothing_behind_a_dropped_command_is_done(connect: Connect, direct: Any, door: Any, rule: Rule) -> None:
    client = connect()
    door.rules(rule("drop", "SET", trigger={"nth": 3}))
    with client.pipeline(transaction=False) as pipe:
        for number in range(5):
            pipe.set(f"key {number}", "x")
        with pytest.raises(redis.ConnectionError):
            pipe.execute()
    assert sorted(direct.keys("key *")) == ["key 0", "key 1"]
    assert door.counts()[1:3] == (3, 1)


def test_a_made_up_value_in_a_transaction(connect: Connect, door: Any, rule: Rule) -> None:
    client = connect()
    client.set("a", "real")
    door.rules(
        rule("response", "GET", "b", put=["made", None, 7]),
        rule("response", "GET", "c"),
        rule("response", "INCRBY", put=5),
    )
    with client.pipeline(transaction=True) as pipe:
        assert pipe.get("a").get("b").get("c").incr("d").execute() == ["real", ["made", None, 7], None, 5]
    assert client.exists("d") == 0


def test_a_lost_race_by_rule(connect: Connect, door: Any, rule: Rule) -> None:
    client = connect()
    door.rules(rule("response", "EXEC", put=None))
    with client.pipeline(transaction=True) as pipe:
        pipe.watch("a")
        pipe.multi()
        pipe.set("a", "1")
        with pytest.raises(redis.WatchError):
            pipe.execute()
    door.rules()
    assert client.get("a") is None
    assert client.set("a", "2")


def test_an_old_connection_meets_a_new_rule(connect: Connect, door: Any, rule: Rule) -> None:
    client = connect(single_connection_client=True)
    for _ in range(3):
        assert client.set("a", "1")
        door.rules(rule("error", "SET", message="READONLY"))
        with pytest.raises(redis.ReadOnlyError):
            client.set("a", "2")
        assert client.get("a") == "1"
        door.rules()
    with client.pipeline(transaction=False) as pipe:
        door.rules(rule("error", "GET", trigger={"every": 2}))
        for _ in range(1000):
            pipe.incr("n").get("n")
        said = pipe.execute(raise_on_error=False)
    assert said[::2] == list(range(1, 1001))
    assert said[1::4] == [str(number) for number in range(1, 1001, 2)]
    assert all(isinstance(each, redis.ResponseError) for each in said[3::4])
    assert door.counts()[1:3] == (1000, 500)


def test_a_value_of_a_hundred_megabytes(watched: str, connect: Connect) -> None:
    client = connect()
    value = "x" * 100_000_000
    assert client.set("large", value)
    assert client.get("large") == value
    assert client.delete("large") == 1


def test_steps(door: Any, server: int) -> None:
    for port in (door.port, server):
        address = ("127.0.0.1", port)
        assert ready(address, 5) == ""
        assert step(address, "set", {"key": "a", "value": "caf\u00e9"}).data == {"value": "OK"}
        assert step(address, "get", {"key": "a"}).data == {"value": "caf\u00e9"}
        assert step(address, "get", {"key": "none"}).data == {"value": None}
        assert step(address, "incr", {"key": "n"}).data == {"value": 1}
        assert step(address, "lpush", {"key": "l", "value": "1"}).ok
        assert step(address, "rpush", {"key": "l", "value": 2}).ok
        assert step(address, "lrange", {"key": "l"}).data == {"value": ["1", "2"]}
        assert sorted(step(address, "keys", {}).data["value"]) == ["a", "l", "n"]
        assert step(address, "incr", {"key": "a"}).error == "ERR value is not an integer or out of range"
        assert step(address, "lrange", {"key": "a"}).error.startswith("WRONGTYPE ")
        assert step(address, "command", {"cmd": "CONFIG GET", "args": ["port"]}).data["value"][1] == str(server)
        assert step(address, "delete", {"key": "a"}).data == {"value": 1}
        assert step(address, "command", {"cmd": "FLUSHALL"}).ok
        wrong = step(address, "get", {"key": "a", "user": "who", "password": "x"})
        assert wrong.error.startswith("WRONGPASS ")


def test_keys_are_where_the_server_says(direct: Any) -> None:
    """COMMAND GETKEYS, for every command that the server knows to have keys."""
    arguments = {
        "eval": "script 2 k1 k2 a", "evalsha": "sha 1 k1 a", "eval_ro": "script 1 k1", "evalsha_ro": "sha 0",
        "fcall": "f 1 k1 a", "fcall_ro": "f 1 k1", "xread": "count 1 streams k1 k2 0 0",
        "xreadgroup": "group g c streams k1 >", "bitop": "and k1 k2 k3", "migrate": "host 1 k1 0 5",
        "sort": "k1", "sort_ro": "k1", "georadius": "k1 1 1 1 m", "georadiusbymember": "k1 m 1 m",
        "zunion": "2 k1 k2", "zinter": "2 k1 k2", "zdiff": "2 k1 k2", "zunionstore": "k1 2 k2 k3",
        "zinterstore": "k1 2 k2 k3", "zdiffstore": "k1 2 k2 k3", "lmpop": "2 k1 k2 left", "zmpop": "1 k1 min",
        "blmpop": "0 2 k1 k2 left", "bzmpop": "0 1 k1 min", "sintercard": "2 k1 k2", "zintercard": "2 k1 k2",
        "mset": "k1 a k2 b", "msetnx": "k1 a k2 b", "blpop": "k1 k2 0", "brpop": "k1 k2 0", "bzpopmin": "k1 k2 0",
        "bzpopmax": "k1 k2 0",
    }  # fmt: skip
    checked = 0
    for name, info in direct.command().items():
        if not info["first_key_pos"] and "movablekeys" not in info["flags"]:
            continue
        words = [name, *arguments.get(name, "k1 k2 k3 k4 k5").split()]
        if name not in arguments and info["arity"] > 0:
            words = words[: info["arity"]]
        try:
            keys = direct.command_getkeys(*words)
        except redis.ResponseError:
            continue
        assert keys_of([word.encode() for word in words], len(words)) == tuple(key.encode() for key in keys), words
        checked += 1
    assert checked > 140


BENCHMARKS = ["PING_INLINE", "PING_MBULK", "SET", "GET", "INCR", "LPUSH", "LPOP", "HSET", "ZADD", "LRANGE_100", "MSET"]


@pytest.mark.slow
@pytest.mark.parametrize("pipeline", [1, 16])
def test_redis_benchmark_sees_no_error(watched: str, door: Any, pipeline: int) -> None:
    done = subprocess.run(
        [
            "redis-benchmark", "-p", str(door.port), "-t", ",".join(BENCHMARKS).lower(), "-n", "5000", "-c", "20",
            "-P", str(pipeline), "--csv",
        ],
        capture_output=True,
        text=True,
        timeout=300,
        check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "rror" not in done.stdout + done.stderr
    assert done.stdout.count("\n") >= len(BENCHMARKS)
    if watched == "rules":
        assert door.counts().seen >= 5000 * len(BENCHMARKS)
        assert door.counts().fired == 0
