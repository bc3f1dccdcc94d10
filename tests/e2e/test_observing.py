"""What services do, seen beside their output: files that they append to, and programs of the user's in the kernel."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest

pytestmark = [pytest.mark.root]

SHOP = """
#!/usr/bin/env python3
import json, os, socketserver, sys
PATH = sys.argv[1]

class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        line = self.rfile.readline().strip().decode()
        if line == "rotate":
            os.rename(PATH, PATH + ".1")
        elif line == "truncate":
            os.truncate(PATH, 0)
        elif line:
            os.makedirs(os.path.dirname(PATH), exist_ok=True)
            with open(PATH, "a") as log:
                log.write(json.dumps({"sold": int(line)}) + "\\n")
        self.wfile.write(b"ok\\n")

socketserver.TCPServer.allow_reuse_address = True
socketserver.TCPServer(("127.0.0.1", 7002), Handler).serve_forever()
"""


def shop(tool, path: str) -> str:
    program = tool.directory / "shop.py"
    program.write_text(SHOP.lstrip())
    program.chmod(0o755)
    return f"""
shop = service("shop", "./shop.py", interface("main", "tcp", 7002), args = ["{path}"],
    observe = [observe.tail("{path}", decoder = decoder("json"))])
monitor("stock", on = match.event(type = "tail", service = "shop"), state_init = 5,
    update = lambda event, left: left - event.data["sold"], check = lambda event, left: left >= 0)

def say(*words):
    for word in words:
        assert_true(shop.send(data = str(word)).ok)
"""


def test_a_file_is_tailed_through_rotation_and_truncation(tool) -> None:
    spec = (
        shop(tool, "/var/log/shop/sales.log")
        + """
def test_sold():
    say(1)
    assert_eventually(type = "tail", service = "shop", sold = "1", path = "/var/log/shop/sales.log")
    say("rotate", 1)
    assert_eq([e.sold for e in events(type = "tail")], ["1", "1"])
    say("truncate", 2)
    assert_eq([e.sold for e in events(type = "tail")], ["1", "1", "2"])

def test_oversold():
    say(4, "rotate", 2)
"""
    )
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_sold": "passed", "test_oversold": "failed"}, outcome
    reason = outcome.cases["test_oversold"]["reason"]
    assert reason.startswith("monitor stock: check gave False, at event #"), reason
    assert reason.endswith("(tail of shop), state -1"), reason


def test_a_file_of_the_host_is_tailed_though_a_world_has_its_own_copy(tool) -> None:
    """What it held before is passed over, also when the first line appended moves it to the world's layer."""
    log = tool.directory / "sales.log"
    log.write_text('{"sold": 5}\n' * 1000)
    outcome = tool.test(
        shop(tool, str(log))
        + """
def test_sold():
    say(2, 3)
    assert_eq([e.sold for e in events(type = "tail")], ["2", "3"])
"""
    )
    assert outcome.verdicts() == {"test_sold": "passed"}, outcome
    assert log.read_text() == '{"sold": 5}\n' * 1000


CALLS = '''
CALLS = """
struct call_t { u64 client; };
struct exec_t { u32 pid; char comm[16]; };
BPF_PERF_OUTPUT(calls);
BPF_RINGBUF_OUTPUT(execs, 8);

int on_call(struct pt_regs *ctx) {
    struct call_t data = {};
    data.client = PT_REGS_PARM1(ctx);
    calls.perf_submit(ctx, &data, sizeof(data));
    return 0;
}

TRACEPOINT_PROBE(sched, sched_process_exec) {
    struct exec_t *data = execs.ringbuf_reserve(sizeof(struct exec_t));
    if (!data)
        return 0;
    data->pid = bpf_get_current_pid_tgid() >> 32;
    bpf_get_current_comm(&data->comm, sizeof(data->comm));
    execs.ringbuf_submit(data, 0);
    return 0;
}
"""

def redis(name, port, **options):
    return service(name, "/usr/bin/redis-server", interface("main", "redis", port),
        args = ["--port", str(port), "--save", "", "--dir", "/tmp"], **options)
'''
"""A uprobe and a tracepoint, one output each."""


def test_a_uprobe_feeds_a_monitor_of_each_world_and_service(tool) -> None:
    spec = (
        CALLS
        + """
watched = redis("watched", 6399, observe = [observe.probe(CALLS, attach = {"on_call": "uprobe:call"}, name = "calls")])
other = redis("other", 6398)

def count(event, calls):
    return calls + 1

monitor("few", on = {"type": "probe", "output": "calls"}, state_init = 0, update = count, check = lambda e, n: n < 6)

def test_seen():
    watched.set(key = "a", value = "1")
    other.set(key = "a", value = "1")
    other.get(key = "a")
    found = events(type = "probe", output = "calls")
    assert_eq(len(found), 2)  # readiness asked PING
    assert_eq([e.name for e in found], ["calls", "calls"])
    assert_eq({e.service: None for e in found}.keys(), ["watched"])
    assert_true(found[0].data["client"] > 4096)
    assert_eventually(type = "probe", output = "execs", comm = "redis-server", service = "watched")

def test_many():
    for _ in range(9):
        watched.get(key = "a")
"""
    )
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_seen": "passed", "test_many": "failed"}, outcome
    assert outcome.cases["test_many"]["reason"].endswith("(probe of watched), state 6")


def test_usdt_with_a_semaphore(tool) -> None:
    """PostgreSQL asks a semaphore before it makes a probe's arguments."""
    postgres = next(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    spec = f'''
QUERIES = """
struct query_t {{ char text[80]; }};
BPF_PERF_OUTPUT(queries);
int on_query(struct pt_regs *ctx) {{
    struct query_t data = {{}};
    u64 text = 0;
    bpf_usdt_readarg(1, ctx, &text);
    bpf_probe_read_user_str(data.text, sizeof(data.text), (void *)text);
    queries.perf_submit(ctx, &data, sizeof(data));
    return 0;
}}
"""
BIN = "{postgres.parent}"
START = ("cd /tmp && " + BIN + "/initdb -D d -U postgres -A trust --no-sync >/dev/null && exec " + BIN +
    "/postgres -D /tmp/d -p 5499 -c listen_addresses=localhost -c unix_socket_directories=")
db = service("db", "/bin/sh", interface("main", "postgres", 5499), user = "postgres", args = ["-c", START],
    observe = [observe.probe(QUERIES, attach = {{"on_query": "usdt:" + BIN + "/postgres:query__start"}}, name = "q")])

def test_seen():
    db.query(sql = "select 41 + 1")
    assert_eventually(type = "probe", name = "q", output = "queries", text = "select 41 + 1")
'''
    assert tool.test(spec).verdicts() == {"test_seen": "passed"}


def test_what_finds_no_room_is_told_and_decides_nothing(tool) -> None:
    """A program that puts out two megabytes at once: the ring is full before anybody can read it."""
    spec = (
        CALLS
        + '''
FLOOD = """
struct big_t { u64 n; char rest[8000]; };
BPF_RINGBUF_OUTPUT(big, 8);
int on_call(struct pt_regs *ctx) {
    #pragma clang loop unroll(disable)
    for (int i = 0; i < 300; i++) {
        struct big_t *data = big.ringbuf_reserve(sizeof(struct big_t));
        if (!data)
            continue;
        data->n = i;
        big.ringbuf_submit(data, 0);
    }
    return 0;
}
"""
cache = redis("cache", 6399, observe = [observe.probe(FLOOD, attach = {"on_call": "uprobe:call"}, name = "flood")])

def test_flood():
    for _ in range(5):
        cache.get(key = "a")
    assert_never(type = "probe", n = "4000")
'''
    )
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_flood": "inconclusive"}, outcome
    assert "events found no room on their way from the kernel" in outcome.cases["test_flood"]["reason"], outcome


def test_a_program_that_can_not_run_is_refused_before_anything_starts(tool) -> None:
    spec = CALLS.replace("data.client =", "data.cleint =") + (
        'seen = observe.probe(CALLS, attach = {"on_call": "uprobe:call"}, name = "c")\n'
        'cache = redis("cache", 6399, observe = [seen])\ndef test_x():\n    cache.ping()\n'
    )
    outcome = tool.run("test", str(tool.write(spec)), "--seed", "1")
    assert outcome.code == 3, outcome
    assert "refused: probe 'c' (the program at " in outcome.out, outcome
    assert "line 9: error: no member named 'cleint' in 'struct call_t'" in outcome.out, outcome
    assert "--- " not in outcome.out


def test_when_the_programs_go_the_case_is_inconclusive_and_nothing_stays(tool, eventually, descendants) -> None:
    """SIGKILL of the process that holds them, seen while a scenario goes on, and nothing is left when all is over."""
    spec = CALLS + (
        'cache = redis("cache", 6399, observe = [observe.probe(CALLS, attach = {"on_call": "uprobe:call"})])\n'
        'def test_x():\n    cache.ping()\n    print("here")\n    sleep("500ms")\n    print(len(events()))\n'
    )
    running = tool.start("test", str(tool.write(spec)), "--seed", "1", "--format", "json")

    def holders() -> list[int]:
        return [pid for pid, command in descendants(running.pid).items() if "probes/loader.py" in command]

    def begun() -> bool:
        logs = list(tool.state.glob("runs/*/cases/*/events.jsonl"))
        return any('"here"' in each.read_text() for each in logs)

    eventually(begun)
    os.kill(holders()[0], signal.SIGKILL)
    outcome = tool.finish(running)
    assert outcome.verdicts() == {"test_x": "inconclusive"}, outcome
    assert "the process that holds its programs has ended" in outcome.cases["test_x"]["reason"]


def test_a_killed_run_leaves_no_programs(tool, eventually, descendants) -> None:
    spec = CALLS + (
        'cache = redis("cache", 6399, observe = [observe.probe(CALLS, attach = {"on_call": "uprobe:call"})])\n'
        'def test_x():\n    sleep("100s")\n'
    )
    running = tool.start("test", str(tool.write(spec)), "--seed", "1")

    def holder() -> int:
        found = [pid for pid, command in descendants(running.pid).items() if "probes/loader.py" in command]
        return found[0] if found else 0

    eventually(holder)
    pid = holder()
    running.kill()
    eventually(lambda: not Path(f"/proc/{pid}").exists())


CALLER = """
#!/usr/bin/env python3
import socket, socketserver, threading

def call():
    caller = socket.socket()
    caller.connect(("127.0.0.1", 7004))
    print("through", flush=True)

class Handler(socketserver.StreamRequestHandler):
    def handle(self):
        if self.rfile.readline().strip() == b"call":
            threading.Thread(target=call, daemon=True).start()
        self.wfile.write(b"ok\\n")

socketserver.TCPServer(("127.0.0.1", 7003), Handler).serve_forever()
"""

HANGING = """
callee = service("callee", "./callee.py", interface("main", "tcp", 7004))
caller = service("caller", "./caller.py", interface("main", "tcp", 7003), depends_on = [callee],
    observe = [observe.stdout()])

def connects():
    return events(type = "syscall", service = "caller", syscall = "connect", peer = "callee.main")

def begun():
    caller.send(data = "call")
    for _ in range(200):
        if connects():
            break
        sleep("10ms")
    assert_eq([e.unfinished for e in connects()], ["true"])

def test_one_call_is_one_event():
    partition(caller, callee, run = begun)
    assert_eventually(type = "stdout", raw = "through", within = "10s")
    assert_eq([e.result for e in connects()], ["0"])

def test_never():
    partition(caller, callee)
    begun()
    assert_never(type = "syscall", service = "caller", syscall = "connect", peer = "callee.main")

def test_monitored():
    monitor("nobody_calls", on = {"type": "syscall", "service": "caller", "syscall": "connect"},
        check = lambda event: event.peer != "callee.main")
    partition(caller, callee)
    begun()
"""


def test_a_connect_that_hangs_has_been_made(tool) -> None:
    for name, program in (("caller", CALLER), ("callee", CALLER.replace("7003", "7004"))):
        path = tool.directory / f"{name}.py"
        path.write_text(program.lstrip())
        path.chmod(0o755)
    outcome = tool.test(HANGING)
    wanted = {"test_one_call_is_one_event": "passed", "test_never": "failed", "test_monitored": "failed"}
    assert outcome.verdicts() == wanted, outcome
    assert "assert_never failed" in outcome.cases["test_never"]["reason"]
    assert "monitor nobody_calls" in outcome.cases["test_monitored"]["reason"]


def test_a_service_may_be_called_edge(tool) -> None:
    program = tool.directory / "edge.py"
    program.write_text(CALLER.lstrip())
    program.chmod(0o755)
    spec = """
edge = service("edge", "./edge.py", interface("main", "tcp", 7003))

def test_told():
    fault(edge.main, response(data = "x", body = "no\\n"), run = lambda: edge.send(data = "x"))
    assert_eventually(type = "process", service = "edge", op = "exec")
    edge.send(data = "y")
    assert_eventually(type = "socket", service = "edge", op = "accept", caller = "(edge)")
"""
    assert tool.test(spec).verdicts() == {"test_told": "passed"}
