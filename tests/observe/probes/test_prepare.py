"""Probes are compiled and attached before a run, or refused with what to do; what they put out is a world's own."""

from __future__ import annotations

import array
import json
import os
import re
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from faultbox.linux import cgroup
from faultbox.model.event import Event, EventsLost, SourceLost
from faultbox.model.source import Position
from faultbox.model.topology import Attachment, Observation, Probe, Service
from faultbox.observe import probes
from faultbox.observe.probes import programs
from faultbox.observe.probes.source import ProbeSource

pytestmark = [pytest.mark.root]
AT = Position("x.star", 1)
EXECS = """
struct exec_t { u32 number; char comm[16]; };
BPF_PERF_OUTPUT(execs);
RAW_TRACEPOINT_PROBE(sched_process_exec) {
    struct exec_t data = {.number = 7};
    bpf_get_current_comm(&data.comm, sizeof(data.comm));
    execs.perf_submit(ctx, &data, sizeof(data));
    return 0;
}
"""
CALLS = """
struct call_t { u64 client; };
BPF_PERF_OUTPUT(calls);
int on_call(struct pt_regs *ctx) {
    struct call_t data = {.client = PT_REGS_PARM1(ctx)};
    calls.perf_submit(ctx, &data, sizeof(data));
    return 0;
}
"""
OUTPUT = re.compile(r"BPF_(?:PERF|RINGBUF)_OUTPUT\((\w+)")
CALL = Attachment("on_call", "uprobe", "call")

Prepare = Callable[..., probes.Probes]


@pytest.fixture
def group() -> Iterator[Path]:
    """A run's cgroup."""
    parent = cgroup.writable_parent()
    assert parent is not None
    made = cgroup.create(parent / f"faultbox-test-{os.getpid()}")
    yield made
    cgroup.remove(made)


@pytest.fixture
def prepare(tmp_path: Path, group: Path) -> Iterator[Prepare]:
    made: list[probes.Probes] = []

    def prepared(text: str, *attach: Attachment, binary: str = "/usr/bin/redis-server") -> probes.Probes:
        observed = Observation("probe", probe=Probe("p", text, "x.star:1", AT, tuple(OUTPUT.findall(text)), attach))
        service = Service("db", binary, AT, observe=(observed,))
        top = cgroup.mountpoint()
        assert top is not None
        level = len(group.relative_to(top).parts) + 2
        found = probes.prepare([service], level, tmp_path / "headers", tmp_path / "cache")
        assert found is not None
        made.append(found)
        return found

    yield prepared
    for each in made:
        each.close()


@pytest.fixture
def source(prepare: Prepare, group: Path) -> Iterator[ProbeSource]:
    """The execs of a service in a world."""
    made = prepare(EXECS)
    opened = ProbeSource("db", made.of("db")[0], made, cgroup.create(group / "world" / "svc-db"))
    opened.launching()
    yield opened
    opened.close()


def run_in(place: Path, *command: str) -> None:
    script = f"echo $$ > {place}/cgroup.procs && exec {' '.join(command)}"
    subprocess.run(["/bin/sh", "-c", script], check=True, stdout=subprocess.DEVNULL)


def test_only_what_the_service_does_becomes_events(source: ProbeSource, group: Path) -> None:
    """In its cgroup and below, but not beside it."""
    service = group / "world" / "svc-db"
    run_in(service, "/bin/true")
    run_in(cgroup.create(group / "world" / "svc-other"), "/bin/echo")
    run_in(cgroup.create(service / "below"), "/bin/ls")
    source.ask(50)
    first, second = source.drain()
    assert source.promised > 50
    assert isinstance(first, Event)
    assert (first.type, first.service, first.data["comm"], second.data["comm"]) == ("probe", "db", "true", "ls")
    assert first.fields.items() >= {"name": "p", "output": "execs", "number": "7", "comm": "true"}.items()
    assert first.data["pid"] == first.data["tid"] > 1
    assert source.name == "probe p of db"


def test_a_cgroup_that_is_made_anew_is_the_services_too(source: ProbeSource, group: Path) -> None:
    service = group / "world" / "svc-db"
    cgroup.remove(service)
    cgroup.create(service)
    source.launching()
    run_in(service, "/bin/true")
    assert [event.fields["comm"] for event in source.drain()] == ["true"]


def test_a_function_runs_where_attach_says(prepare: Prepare, group: Path) -> None:
    """On a tracepoint, a raw one, and where a function of a library has returned."""
    text = """
struct seen_t { u32 what; };
BPF_RINGBUF_OUTPUT(seen, 8);
static inline int tell(u32 what) {
    struct seen_t data = {.what = what};
    return seen.ringbuf_output(&data, sizeof(data), 0);
}
int on_exec(void *ctx) { return tell(1); }
int on_raw(struct bpf_raw_tracepoint_args *ctx) { return tell(2); }
int on_return(struct pt_regs *ctx) { return tell(3); }
"""
    libc = next(line.split()[-1] for line in Path("/proc/self/maps").read_text().splitlines() if "/libc.so" in line)
    made = prepare(
        text,
        Attachment("on_exec", "tracepoint", "sched:sched_process_exec"),
        Attachment("on_raw", "raw_tracepoint", "sched_process_exit"),
        Attachment("on_return", "uretprobe", "getenv", libc),
    )
    source = ProbeSource("db", made.of("db")[0], made, cgroup.create(group / "world" / "svc-db"))
    source.launching()
    run_in(group / "world" / "svc-db", "/usr/bin/env")
    assert {event.data["what"] for event in source.drain()} == {1, 2, 3}
    source.close()


def test_what_finds_no_room_is_counted(prepare: Prepare, group: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faultbox.observe.probes.source.RING_BYTES", 4096)
    made = prepare(EXECS)
    small = ProbeSource("db", made.of("db")[0], made, cgroup.create(group / "world" / "svc-db"))
    small.launching()
    script = "for i in $(seq 100); do /bin/true; done"
    run_in(group / "world" / "svc-db", "/bin/sh", "-c", f"'{script}'")
    with pytest.raises(EventsLost, match="events found no room") as caught:
        small.drain()
    assert 20 < len(caught.value.events) < 100
    run_in(group / "world" / "svc-db", "/bin/ls")
    assert [event.fields["comm"] for event in small.drain()] == ["ls"]
    small.close()


def test_a_function_that_was_not_run_is_counted(source: ProbeSource, monkeypatch: pytest.MonkeyPatch) -> None:
    """The kernel counts when a processor is in a program already."""
    source.drain()
    monkeypatch.setattr("faultbox.linux.bpf.missed", lambda _program: 3)
    with pytest.raises(EventsLost, match="its program was not run 3 times"):
        source.drain()
    assert source.drain() == []


def test_when_the_holder_dies_the_source_is_lost(source: ProbeSource, prepare: Prepare) -> None:
    source._probes._process.kill()
    source._probes._process.wait()
    with pytest.raises(SourceLost, match="the process that holds its programs has ended"):
        source.drain()


def test_a_killed_world_is_forgotten(source: ProbeSource, group: Path) -> None:
    source._probes.forget(group / "world")
    run_in(group / "world" / "svc-db", "/bin/true")
    assert source.drain() == []


def test_services_without_probes_need_nothing(tmp_path: Path) -> None:
    service = Service("db", "/bin/db", AT, observe=(Observation("stdout"),))
    assert probes.prepare([service], 2, tmp_path, tmp_path) is None


@pytest.mark.parametrize(
    ("text", "attach", "said"),
    [
        (CALLS.replace("data = {", "data = {.cleint = 3, "), CALL, "line 5: error: field designator 'cleint' does"),
        (CALLS, Attachment("on_call", "uprobe", "cal"), "has no function cal: did you mean call"),
        (CALLS, Attachment("on_call", "usdt", "call"), "has no USDT probe call: it has none that can be seen"),
        (CALLS, Attachment("on_call", "tracepoint", "sched:nothing"), "can't be attached to tracepoint sched:nothing"),
        (CALLS.replace("PT_REGS_PARM1(ctx)", "*(volatile int *)9"), CALL, "R1 invalid mem access 'scalar'"),
    ],
)  # fmt: skip
def test_a_program_that_can_not_run_is_refused(prepare: Prepare, text: str, attach: Attachment, said: str) -> None:
    with pytest.raises(probes.NoProbes) as caught:
        prepare(text, attach)
    assert said in str(caught.value)
    assert "probe 'p' (x.star:1)" in str(caught.value)


@pytest.mark.parametrize(
    ("answer", "said"),
    [
        ({"fields": {"calls": ["name#u64"]}}, "what calls puts out has a field 'name': call it otherwise"),
        ({"fields": {"calls": []}}, "nothing that is known is put into calls: put a struct out: calls.perf_submit("),
        ({"fields": {"calls": ["x#struct inner"]}}, "the field x of type struct inner can't become an event's field"),
        ({"failed": "this", "advice": "do that"}, "this: do that"),
    ],
)
def test_what_bcc_tells_of_an_output_must_make_events(answer: object, said: str) -> None:
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    with ours, theirs, Path(os.devnull).open() as null:
        rights = array.array("i", [null.fileno(), null.fileno()])
        theirs.sendmsg([json.dumps(answer).encode()], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, rights)])
        with pytest.raises(probes.NoProbes) as caught:
            programs._receive(ours, Probe("p", "", "x.star:1", AT, ("calls",)))
    assert said in str(caught.value)


def test_bcc_is_asked_for_where_it_is_missing(prepare: Prepare, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(programs, "PYTHON", sys.executable)  # a Python that has no bcc
    with pytest.raises(probes.NoProbes, match=r"bcc can't be used \(No module named 'bcc'\)") as caught:
        prepare(EXECS)
    assert "apt-get install python3-bpfcc" in caught.value.advice
    monkeypatch.setattr(programs, "PYTHON", "/nowhere/python3")
    with pytest.raises(probes.NoProbes, match="a package of /nowhere/python3, and that is not there"):
        prepare(EXECS)


def test_the_kernels_own_structs_are_those_of_this_kernel(prepare: Prepare, group: Path, tmp_path: Path) -> None:
    walking = "{};\n    struct task_struct *task = (struct task_struct *)ctx->args[0];\n    data.number = task->tgid"
    made = prepare("#include <linux/sched.h>\n" + EXECS.replace("{.number = 7}", walking))
    source = ProbeSource("db", made.of("db")[0], made, cgroup.create(group / "world" / "svc-db"))
    source.launching()
    run_in(group / "world" / "svc-db", "/bin/true")
    (event,) = source.drain()
    assert event.data["number"] == event.data["pid"]
    source.close()
    (kept,) = (tmp_path / "cache").iterdir()
    assert os.uname().release in kept.name
    assert "struct task_struct {" in kept.read_text()
    assert not (tmp_path / "headers").exists()
