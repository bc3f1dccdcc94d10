"""System calls: how many there were, and those that were asked for."""

import os
import re
import subprocess
import sys

import pytest

from faultbox.model.fault import Port
from faultbox.model.observation import CallTotals, Watch
from faultbox.model.syscalls import names
from faultbox.observe.programs import machine

pytestmark = pytest.mark.root


LINE = re.compile(r"(?P<pid>\d+) +(?P<resumed><\.\.\. )?(?P<name>\w+)(?:\(| resumed>).*?(?: = (?P<result>.*))?$")
END = re.compile(r"(?P<pid>\d+) +\+\+\+ ")


class Strace:
    """What strace -f says from the second execve on: how often each call began, failed, and ended unseen."""

    def __init__(self, lines):
        self.counts, self._last, self._execs = {}, {}, 0
        self.ended_by_another = 0
        for line in lines:
            if (found := LINE.match(line)) is not None:
                self._call(found)
            elif (found := END.match(line)) is not None:
                self.ended_by_another += self._last.get(found["pid"]) not in {"exit", "exit_group"}

    def _call(self, found):
        result = found["result"] or ""
        self._execs += found["name"] == "execve" and result == "0"
        if self._execs < 2:
            return
        name = self._last[found["pid"]] = name_of(found["name"])
        count = self.counts.setdefault(name, [0, 0, 0])
        count[0] += found["resumed"] is None
        count[1] += result.startswith(("-1 E", "? ERESTART"))
        count[2] += result == "?"


def name_of(told):
    """A call that this strace has no name for has one here."""
    number = re.fullmatch("syscall_0x(?P<number>[0-9a-f]+)", told)
    return told if number is None else names(machine()).get(int(number["number"], 16), told)


def differences(totals, strace):
    """Where the kernel's programs and strace disagree.

    A thread that another one ends may be in a call whose error strace never sees, or before one whose begin it doesn't.
    """
    wrong, unseen_begins = [], 0
    for name in totals.keys() | strace.counts.keys():
        calls, errors, unseen = strace.counts.get(name, (0, 0, 0))
        mine = totals.get(name, CallTotals("svc", name, 0))
        unseen_begins += max(0, mine.calls - calls)
        begun = mine.calls >= calls and unseen_begins <= strace.ended_by_another
        if not begun or not errors <= mine.errors <= errors + unseen:
            wrong.append((mine, strace.counts.get(name)))
    return wrong


def python(*lines):
    return (sys.executable, "-I", "-c", "\n".join(lines))


PROGRAMS = {
    "shell that forks": (
        "sh",
        "-c",
        "for i in 1 2 3; do cat /etc/hostname /nosuch | wc -l; done 2>/dev/null; (exit 3)",
    ),
    "python": python("import json, os", "os.stat('/')", "[os.getppid() for _ in range(1000)]"),
    "threads": python(
        "import threading, os",
        "def work():",
        "    for _ in range(500): os.stat('/')",
        "made = [threading.Thread(target=work) for _ in range(4)]",
        "[each.start() for each in made]",
        "[each.join() for each in made]",
    ),
    "threads that are in calls when it ends": python(
        "import os, threading",
        "read, write = os.pipe()",
        "[threading.Thread(target=os.read, args=(read, 1), daemon=True).start() for _ in range(3)]",
        "os._exit(0)",
    ),
    "a thread that becomes another program": python(
        "import os, threading",
        "threading.Thread(target=os.execv, args=('/bin/cat', ['cat', '/etc/hostname'])).start()",
        "threading.Event().wait()",
    ),
}


@pytest.mark.parametrize("name", PROGRAMS)
def test_counts_are_those_of_strace_in_the_same_run(world_of, tmp_path, name):
    world = world_of()
    log = tmp_path / "strace"
    world.run("svc", *PROGRAMS[name], under=("strace", "-f", "-o", str(log)), stderr=subprocess.DEVNULL)
    assert differences(world.calls("svc"), Strace(log.read_text().splitlines())) == []
    assert world.totals().lost == {}


def test_nobody_else_is_counted(world_of):
    world = world_of()
    subprocess.run(("cat", "/etc/hostname"), check=True, stdout=subprocess.DEVNULL)
    assert world.calls("svc") == {}
    assert world.look() == []


def test_nested_cgroups_belong_to_the_lane_that_they_are_in(world_of):
    world = world_of(("svc", "other"))
    nested = 'mkdir "$0/inner" && echo 0 > "$0/inner/cgroup.procs" && exec cat /etc/hostname'
    assert world.run("svc", "sh", "-c", nested, str(world.directory / "svc")) == 0
    assert [event.fields["command"] for event in world.of("process", op="exec")][-1] == "cat /etc/hostname"
    executed = world.calls("svc")["execve"]
    assert executed.calls - executed.errors == 3  # of the shell, of mkdir, of cat
    assert world.calls("other") == {}


def test_time_spent_in_calls(world_of):
    world = world_of()
    world.run("svc", "sleep", "0.2")
    slept = world.calls("svc")["clock_nanosleep"]
    assert slept.calls == 1
    assert slept.total_ns == slept.max_ns
    assert 0.2e9 <= slept.total_ns < 20e9
    assert sum(slept.histogram) == 1
    assert 2 ** (len(slept.histogram) - 1) <= slept.max_ns < 2 ** len(slept.histogram)


ANSWERED = python(
    "import os, pyseccomp",
    "program = pyseccomp.SyscallFilter(pyseccomp.ALLOW)",
    "program.add_rule(pyseccomp.ERRNO(5), 'getppid')",
    "program.load()",
    "[os.getppid() for _ in range(7)]",
)


def test_calls_that_a_filter_answers_count_as_what_they_gave(world_of):
    world = world_of({"svc": Watch(calls=frozenset(("getppid",)))})
    assert world.run("svc", *ANSWERED) == 0
    answered = world.calls("svc")["getppid"]
    assert (answered.calls, answered.errors, answered.total_ns) == (7, 7, 0)
    told = world.of("syscall", syscall="getppid", errno="EIO", result="-5")
    assert len(told) == 7
    assert not any("took_us" in event.fields for event in told)


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="the way into the 32-bit table from a 64-bit program")
def test_32_bit_calls_are_counted_apart(world_of):
    code = python(
        "import ctypes, mmap, signal",
        "page = mmap.mmap(-1, 4096, prot=7)",
        "page.write(bytes.fromhex('53 b8 14 00 00 00 cd 80 5b c3'))",  # getpid is number 20 there, 20 is writev here
        "call = ctypes.CFUNCTYPE(ctypes.c_int)(ctypes.addressof(ctypes.c_char.from_buffer(page)))",
        "assert call() > 1",
    )
    world = world_of({"svc": Watch(calls=frozenset(("writev", "getpid")))})
    assert world.run("svc", *code) == 0
    assert world.calls("svc")["getpid (32-bit)"].calls == 1
    assert "writev" not in world.calls("svc")
    assert world.of("syscall") == []


SOCKETS = python(
    "import os, socket",
    "server = socket.create_server(('127.0.0.1', 0))",
    "port = server.getsockname()[1]",
    "client = socket.create_connection(('127.0.0.1', port))",
    "peer, _ = server.accept()",
    "client.send(b'four')",
    "peer.recv(16)",
    "socket.socket().connect_ex(('127.0.0.1', 1))",
    "socket.socket(socket.AF_INET6).connect_ex(('::1', 1))",
    "local = socket.socket(socket.AF_UNIX)",
    "local.connect_ex('/nosuch')",
    "local.connect_ex(b'\\0nobody')",
    "print(port)",
)


def test_peers_of_sockets(world_of):
    watch = Watch(calls=frozenset(("connect", "sendto", "recvfrom")))
    world = world_of({"svc": watch}, ports=[Port("down", "main", 1)])
    with world.start("svc", *SOCKETS, stdout=subprocess.PIPE) as process:
        said, _ = process.communicate(timeout=20)
    port = int(said)
    told = [
        (event.fields["syscall"], event.fields["peer"], event.fields.get("errno", "")) for event in world.of("syscall")
    ]
    assert told == [
        ("connect", f"127.0.0.1:{port}", ""),
        ("sendto", f"127.0.0.1:{port}", ""),
        ("recvfrom", told[2][1], ""),
        ("connect", "down.main", "ECONNREFUSED"),
        ("connect", "down.main", "ECONNREFUSED"),
        ("connect", "/nosuch", "ENOENT"),
        ("connect", "@nobody", "ECONNREFUSED"),
    ]
    assert all(event.fields["kind"] == "socket" for event in world.of("syscall"))
    assert [event.fields["result"] for event in world.of("syscall", syscall="sendto")] == ["4"]


def test_kinds_of_descriptors(world_of, tmp_path):
    script = python(
        "import os",
        "read, write = os.pipe()",
        "main, terminal = os.openpty()",
        f"file = os.open({str(tmp_path / 'file')!r}, os.O_RDWR | os.O_CREAT)",
        "null = os.open('/dev/null', os.O_WRONLY)",
        "memory = os.memfd_create('x')",
        "for each in (write, terminal, file, null, memory, 99):",
        "    try: os.write(each, b'x' if each < 99 else b'')",
        "    except OSError: pass",
    )
    world = world_of({"svc": Watch(calls=frozenset(("write",)))})
    assert world.run("svc", *script) == 0
    kinds = [(event.fields.get("kind"), event.fields.get("path")) for event in world.of("syscall")]
    terminal = kinds[1][1]
    assert terminal.startswith("/dev/pts/")
    assert kinds == [
        ("pipe", None),
        ("tty", terminal),
        ("file", str(tmp_path / "file")),
        ("other", "/dev/null"),
        ("file", None),
        (None, None),
    ]
    assert world.of("syscall", errno="EBADF")[0].fields["fd"] == "99"
    assert [event.fields["size"] for event in world.of("syscall")] == ["1"] * 5 + ["0"]
