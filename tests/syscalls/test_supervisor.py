"""What happens to the system calls of real programs."""

from __future__ import annotations

import errno
import os
import select
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import pytest

from faultbox.model.event import SourceLost
from faultbox.model.syscalls import number
from faultbox.syscalls.filter import native

pytestmark = pytest.mark.root

WRITES = """
import os, sys
path, count = sys.argv[1], int(sys.argv[2])
fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
failed = []
for n in range(1, count + 1):
    try:
        os.write(fd, b"x")
    except OSError as error:
        failed.append((n, error.errno))
print(failed)
"""

ASKS = """
import os, sys, time
fd = os.open(sys.argv[1], os.O_WRONLY | os.O_CREAT | os.O_APPEND)
for line in sys.stdin:
    start = time.monotonic()
    try:
        os.write(fd, b"x")
        said = "ok"
    except OSError as error:
        said = str(error.errno)
    sys.stdout.write(f"{said} {(time.monotonic() - start) * 1000:.1f}\\n")
    sys.stdout.flush()
"""


class Asked:
    """A program that writes one byte to its file whenever it is asked to."""

    def __init__(self, kit: Any, file: Path) -> None:
        self.process = kit.launch(
            sys.executable, "-I", "-S", "-c", ASKS, file, stdin=subprocess.PIPE, stdout=subprocess.PIPE
        )

    def ask(self) -> None:
        self.process.stdin.write(b"\n")
        self.process.stdin.flush()

    def answer(self) -> tuple[str, float]:
        said, took = self.process.stdout.readline().decode().split()
        return said, float(took)

    def write(self) -> str:
        self.ask()
        return self.answer()[0]


def test_a_rule_meets_the_calls_of_its_path_and_counts_exactly(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    (rule,) = kit.arm(("write", fault(path=f"{tmp_path}/*", trigger={"nth": 3}, label="third")))
    file = tmp_path / "a"
    code, out, _ = kit.run(sys.executable, "-I", "-S", "-c", WRITES, file, "5")
    assert (code, out.strip()) == (0, f"[(3, {errno.EIO})]")
    seen, matched, fired, unresolved = kit.counts(rule)
    assert (matched, fired, unresolved) == (5, 1, 0)
    assert seen > matched  # its own stdout
    assert file.read_text() == "xxxx"
    (event,) = kit.events()
    assert (event.type, event.service) == ("syscall", "svc")
    fields = dict(event.fields)
    assert int(fields.pop("pid")) > 0
    assert int(fields.pop("fd")) >= 3
    assert fields == {
        "syscall": "write",
        "family": "write",
        "path": str(file),
        "kind": "file",
        "size": "1",
        "decision": "deny(EIO)",
        "errno": "EIO",
        "rule": "t/write",
        "label": "third",
        "op": "write",
    }


def test_no_descriptor_is_exempt(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    (rule,) = kit.arm(("write", fault()))
    code = f"""
import os
codes = []
three = os.open({str(tmp_path / "f")!r}, os.O_CREAT | os.O_RDWR)
for fd in (1, 2, three, os.dup2(three, 900)):
    try:
        os.write(fd, b"x")
    except OSError as error:
        codes.append(error.errno)
os._exit(len(codes) * 10 + three)
"""
    status, out, err = kit.python(code)
    assert (status, out, err) == (43, "", "")
    assert kit.counts(rule) == (4, 4, 4, 0)


def test_rules_are_swapped_while_the_program_runs(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand(notify=["write"])
    program = Asked(kit, tmp_path / "f")
    assert program.write() == "ok"
    path = f"{tmp_path}/*"
    kit.arm(("write", fault(errno=28, path=path)))
    assert program.write() == "28"
    kit.arm(("write", fault(errno=5, path=path, trigger={"nth": 2})))
    assert [program.write() for _ in range(3)] == ["ok", "5", "ok"]
    kit.put(())
    assert program.write() == "ok"


def test_the_same_slot_goes_on_counting(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand(notify=["write"])
    program = Asked(kit, tmp_path / "f")
    rules = kit.arm(("write", fault(path=f"{tmp_path}/*", trigger={"nth": 3})))
    assert program.write() == "ok"
    kit.put(())
    program.write()
    kit.put(rules)
    assert [program.write() for _ in range(3)] == ["ok", "5", "ok"]


def test_a_delay_has_fired_when_it_begins_and_holds_only_its_own_call(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    path = f"{tmp_path}/slow"
    (rule,) = kit.arm(("write", fault("delay", delay_ms=60_000, path=path)))
    slow, fast = Asked(kit, tmp_path / "slow"), Asked(kit, tmp_path / "fast")
    slow.ask()
    while not kit.counts(rule).fired:
        assert fast.write() == "ok"
    assert [event.fields["decision"] for event in kit.events()] == ["delay(60s)"]
    assert fast.write() == "ok"
    assert kit.supervisor.release() == 1
    assert slow.answer()[0] == "ok"


def test_delays_take_their_time_and_add_up(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    path = f"{tmp_path}/*"
    kit.arm(
        ("write", fault("delay", delay_ms=30, path=path)),
        ("write", fault("delay", delay_ms=10.5, path=path)),
        ("write", fault(errno=28, path=path)),
    )
    program = Asked(kit, tmp_path / "f")
    program.ask()
    said, took = program.answer()
    assert said == "28"
    assert took >= 40.5
    (event,) = kit.events()
    assert (event.fields["decision"], event.fields["delay_ms"]) == ("deny(ENOSPC)", "40.5")


def test_shorter_delays_end_first(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    kit.arm(
        ("write", fault("delay", delay_ms=20_000, path=f"{tmp_path}/long")),
        ("write", fault("delay", delay_ms=20, path=f"{tmp_path}/short")),
    )
    long, short = Asked(kit, tmp_path / "long"), Asked(kit, tmp_path / "short")
    long.ask()
    short.ask()
    assert short.answer()[0] == "ok"
    assert not select.select([long.process.stdout], [], [], 0)[0]


def test_a_held_call_dies_with_its_process_and_the_next_is_served(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    (rule,) = kit.arm(("write", fault("delay", delay_ms=60_000, path=f"{tmp_path}/*", trigger={"nth": 1})))
    program = Asked(kit, tmp_path / "f")
    program.ask()
    deadline = time.monotonic() + 10
    while not kit.counts(rule).fired:
        assert time.monotonic() < deadline
    program.process.kill()
    assert program.process.wait(10) == -signal.SIGKILL
    assert Asked(kit, tmp_path / "f").write() == "ok"


def test_stopping_releases_what_is_held(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    (rule,) = kit.arm(("write", fault("delay", delay_ms=60_000, path=f"{tmp_path}/*")))
    program = Asked(kit, tmp_path / "f")
    program.ask()
    deadline = time.monotonic() + 10
    while not kit.counts(rule).fired:
        assert time.monotonic() < deadline
    kit.supervisor.stop()
    while not (tmp_path / "f").stat().st_size:
        assert time.monotonic() < deadline


def test_signals_neither_restart_nor_recount_a_delayed_call(
    stand: Any, fault: Any, tmp_path: Path, c_program: Any
) -> None:
    """Only before a call's notification is received may a signal interrupt it: that one was never held or counted."""
    source = r"""
    #include <fcntl.h>
    #include <signal.h>
    #include <stdio.h>
    #include <sys/time.h>
    #include <unistd.h>
    static void tick(int n) { (void)n; }
    int main(int argc, char **argv) {
        struct sigaction act = {.sa_handler = tick, .sa_flags = argc > 2 ? SA_RESTART : 0};
        struct itimerval every = {{0, 5000}, {0, 5000}};
        int fd = open(argv[1], O_CREAT | O_RDWR, 0644), good = 0;
        sigaction(SIGALRM, &act, 0);
        setitimer(ITIMER_REAL, &every, 0);
        for (int i = 0; i < 50 && good < 5; i++) good += write(fd, "x", 1) == 1;
        return good;
    }"""
    kit = stand()
    (rule,) = kit.arm(("write", fault("delay", delay_ms=20, path=f"{tmp_path}/*")))
    program = c_program(source)
    assert kit.run(program, tmp_path / "f")[0] == 5
    assert kit.run(program, tmp_path / "f", "restart")[0] == 5
    assert kit.counts(rule).matched == 10


def test_the_log_is_complete_when_it_is_asked(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    kit.arm(("write", fault(path=f"{tmp_path}/*")))
    program = Asked(kit, tmp_path / "f")
    for _ in range(300):
        assert program.write() == "5"
        assert len(kit.events()) == 1


def test_events_come_by_themselves_soon(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    kit.arm(("write", fault(path=f"{tmp_path}/*")))
    Asked(kit, tmp_path / "f").write()
    assert select.select([kit.supervisor], [], [], 10)[0]
    assert [event.fields["decision"] for event in kit.supervisor.drain()] == ["deny(EIO)"]


def test_what_is_observed_is_told_without_any_rule(stand: Any, tmp_path: Path) -> None:
    kit = stand()
    kit.arm(observed=["mkdir"])
    kit.python(f"import os; os.mkdir({str(tmp_path / 'new')!r}); os.rmdir({str(tmp_path / 'new')!r})")
    (event,) = kit.events()
    assert {key: event.fields[key] for key in ("syscall", "path", "decision")} == {
        "syscall": "mkdir",
        "path": str(tmp_path / "new"),
        "decision": "allow",
    }


def test_rules_from_the_start_begin_at_the_services_own_first_call(stand: Any, fault: Any) -> None:
    kit = stand()
    (rule,) = kit.arm(("open", fault(errno=errno.ENOENT, from_start=True, trigger={"nth": 1})))
    status, _, err = kit.run("/bin/true")
    assert status == 0, err
    (event,) = kit.events()
    assert event.fields["path"] == "/etc/ld.so.cache"
    assert kit.counts(rule).fired == 1


def test_what_the_launcher_does_before_its_exec_is_not_the_services(stand: Any, fault: Any) -> None:
    kit = stand()
    rules = kit.arm(("dup", fault(from_start=True)), ("close", fault("delay", delay_ms=1, from_start=True)))
    status, out, err = kit.python("import os; os.close(os.open('/', os.O_RDONLY)); print('started')")
    assert (status, out.strip()) == (0, "started"), err
    assert kit.counts(rules[0]).seen == 0
    assert kit.counts(rules[1]).fired > 0


def test_the_launchers_exec_is_not_the_services(stand: Any, fault: Any) -> None:
    kit = stand()
    kit.arm(("exec", fault(errno=errno.EACCES)))
    status, out, _ = kit.run("/bin/sh", "-c", "/bin/true; echo $?")
    assert (status, out.strip()) == (0, "126")


def test_a_restarted_service_is_met_again(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    (rule,) = kit.arm(("write", fault(path=f"{tmp_path}/*")))
    for _ in range(20):
        assert kit.run(sys.executable, "-I", "-S", "-c", WRITES, tmp_path / "f", "1")[1].strip() == "[(1, 5)]"
    assert kit.counts(rule).fired == 20
    fds = len(os.listdir(f"/proc/{kit.supervisor.pid}/fd"))
    assert fds < 20


@pytest.mark.parametrize(("name", "called"), [("io_uring_setup", "io_uring"), ("io_setup", "Linux AIO")])
def test_rings_are_refused_where_they_would_bypass_rules(stand: Any, name: str, called: str) -> None:
    kit = stand(notify=("fsync",), block_io_uring=True)
    code = f"""
import ctypes
libc = ctypes.CDLL(None, use_errno=True)
libc.syscall({number(name, native())}, 8, ctypes.create_string_buffer(120))
print(ctypes.get_errno())
"""
    assert kit.python(code)[1].strip() == str(errno.ENOSYS)
    (event,) = kit.events()
    assert event.fields["decision"] == "deny(ENOSYS)"
    assert event.fields["reason"] == "a ring would bypass the rules"
    assert f"{called} was refused 1x" in kit.supervisor.report().blind_spots[0]


def test_a_dead_supervisor_hangs_its_callers_and_is_noticed(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    kit.arm(("write", fault(path="/nowhere")))
    program = Asked(kit, tmp_path / "f")
    assert program.write() == "ok"
    os.kill(kit.supervisor.pid, signal.SIGKILL)
    assert select.select([kit.supervisor.pidfd], [], [], 10)[0]
    program.ask()
    with pytest.raises(SourceLost, match="syscalls of svc: the supervisor has died"):
        kit.supervisor.drain()
    assert kit.supervisor.drain() == []
    with pytest.raises(EOFError):
        kit.supervisor.report()
    assert not select.select([program.process.stdout], [], [], 0.1)[0]
    program.process.kill()
    assert program.process.wait(10) == -signal.SIGKILL


def test_a_supervisor_that_fails_says_why(stand: Any) -> None:
    kit = stand()
    with pytest.raises(EOFError):
        kit.supervisor._ask("nonsense")
    assert select.select([kit.supervisor.pidfd], [], [], 10)[0]
    with pytest.raises(SourceLost, match="unknown frame: 'nonsense'"):
        kit.supervisor.drain()


def test_after_stop_the_source_has_promised_everything(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    kit.arm(("write", fault(path=f"{tmp_path}/*")))
    Asked(kit, tmp_path / "f").write()
    kit.supervisor.stop()
    kit.supervisor.ask(7)
    assert len(kit.supervisor.drain()) == 1
    assert kit.supervisor.drain() == []
    assert kit.supervisor.promised == 7


def test_a_log_that_does_not_read_slows_the_service_but_never_the_end(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    (rule,) = kit.arm(("write", fault(path=f"{tmp_path}/*")))
    process = kit.launch(sys.executable, "-I", "-S", "-c", WRITES, tmp_path / "f", "1000000")
    fired = -1
    while fired != kit.counts(rule).fired:  # until its events fill the link
        fired = kit.counts(rule).fired
        assert not select.select([process.stdout], [], [], 0.2)[0]
    kit.supervisor.stop()
    process.kill()
    assert process.wait(10) == -signal.SIGKILL

    def drain_all() -> None:
        while True:
            kit.supervisor.drain()

    with pytest.raises(SourceLost, match="events may be missing"):
        drain_all()
