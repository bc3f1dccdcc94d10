"""Any program: threads, forks, daemons, static and 32-bit binaries, real servers."""

from __future__ import annotations

import contextlib
import errno
import os
import shutil
import socket
import sys
import time
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.root

THREADS = r"""
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>
static char *directory;
static int calls, denied;
static void *work(void *number) {
    char path[4096];
    snprintf(path, sizeof path, "%s/%ld", directory, (long)number);
    int fd = open(path, O_CREAT | O_WRONLY | O_APPEND, 0644);
    for (int i = 0; i < calls; i++)
        if (write(fd, "x", 1) < 0) __atomic_add_fetch(&denied, 1, __ATOMIC_SEQ_CST);
    return 0;
}
int main(int argc, char **argv) {
    directory = argv[1];
    calls = atoi(argv[2]);
    pthread_t threads[8];
    for (long n = 0; n < 8; n++) pthread_create(&threads[n], 0, work, (void *)n);
    for (int n = 0; n < 8; n++) pthread_join(threads[n], 0);
    dprintf(1, "%d\n", denied);
    return 0;
}"""

FORKS = r"""
#include <fcntl.h>
#include <sys/wait.h>
#include <unistd.h>
int main(int argc, char **argv) {
    int fd = open(argv[1], O_CREAT | O_WRONLY | O_APPEND, 0644);
    for (int n = 0; n < 10; n++)
        if (!fork()) _exit(write(fd, "x", 1) != 1);
    int status, failed = 0;
    while (wait(&status) > 0) failed += WEXITSTATUS(status);
    for (int n = 0; n < 10; n++) {
        if (!vfork()) { execl("/bin/sh", "sh", "-c", "echo x >> $0 2>/dev/null", argv[1], (char *)0); _exit(9); }
        wait(&status);
        failed += WEXITSTATUS(status) != 0;
    }
    return failed;
}"""

DAEMON = r"""
#include <fcntl.h>
#include <unistd.h>
int main(int argc, char **argv) {
    int fd = open(argv[1], O_CREAT | O_WRONLY, 0644);
    if (fork()) return 0;
    setsid();
    if (fork()) return 0;
    char c;
    read(0, &c, 1);
    _exit(write(fd, "x", 1) == 1 ? 0 : write(1, "denied", 6));
}"""


@pytest.mark.parametrize("flags", [(), ("-static",)], ids=["dynamic", "static"])
def test_threads_are_counted_exactly(
    stand: Any, fault: Any, tmp_path: Path, c_program: Any, flags: tuple[str, ...]
) -> None:
    kit = stand()
    (rule,) = kit.arm(("write", fault(path=f"{tmp_path}/*", trigger={"every": 10})))
    program = c_program(THREADS, "-pthread", *flags)
    status, out, _ = kit.run(program, tmp_path, "250")
    assert (status, out.strip()) == (0, "200")
    assert kit.counts(rule)[1:] == (2000, 200, 0)
    assert sum(file.stat().st_size for file in tmp_path.iterdir()) == 1800
    assert len(kit.events()) == 200


def test_forks_and_vforks(stand: Any, fault: Any, tmp_path: Path, c_program: Any) -> None:
    kit = stand()
    (rule,) = kit.arm(("write", fault(path=f"{tmp_path}/*", trigger={"every": 2})))
    assert kit.run(c_program(FORKS), tmp_path / "f")[0] == 10
    assert kit.counts(rule)[1:3] == (20, 10)
    assert (tmp_path / "f").stat().st_size >= 10


def test_a_daemon_is_met_after_its_parents_are_gone(stand: Any, fault: Any, tmp_path: Path, c_program: Any) -> None:
    kit = stand(notify=["write"])
    read, write = os.pipe()
    process = kit.launch(c_program(DAEMON), tmp_path / "f", stdin=read)
    os.close(read)
    assert process.wait(10) == 0
    (rule,) = kit.arm(("write", fault(path=f"{tmp_path}/*")))
    os.write(write, b"x")
    assert process.stdout is not None
    assert process.stdout.read() == b"denied"
    os.close(write)
    assert kit.counts(rule).fired == 1


def test_a_service_without_privileges(stand: Any, fault: Any, tmp_path: Path) -> None:
    tmp_path.chmod(0o777)
    (tmp_path / "f").touch(0o666)
    (tmp_path / "f").chmod(0o666)
    for parent in list(tmp_path.parents)[:-2]:
        parent.chmod(0o755)
    kit = stand()
    (rule,) = kit.arm(("write", fault(path=f"{tmp_path}/*")))
    status, _, err = kit.run(
        "/usr/bin/setpriv", "--reuid=65534", "--clear-groups", "--", "/bin/sh", "-c", f"echo x > {tmp_path}/f"
    )
    assert "I/O error" in err
    assert status != 0
    assert kit.counts(rule).fired >= 1


def test_a_subprocess_heavy_program_is_not_disturbed(stand: Any, fault: Any) -> None:
    kit = stand(notify=["open", "write", "exec", "fork", "stat", "read", "close", "mmap"])
    code = """
import subprocess
print(sum(subprocess.run(["/bin/sh", "-c", "ls / | wc -l"], capture_output=True).returncode for _ in range(10)))
"""
    assert kit.python(code)[1].strip() == "0"


BARE_32 = r"""
static int call3(int nr, int a, int b, int c) {
    int result;
    __asm__ volatile("int $0x80" : "=a"(result) : "a"(nr), "b"(a), "c"(b), "d"(c) : "memory");
    return result;
}
static int length(const char *text) { int n = 0; while (text[n]) n++; return n; }
void begin(int *stack) {
    char **argv = (char **)(stack + 1);
    int fd = call3(5, (int)argv[1], 0101, 0644);
    int result = call3(4, fd, (int)argv[1], length(argv[1]));
    struct { unsigned short family; char rest[14]; } address = {2, {1, 2, 127, 0, 0, 1}};
    int made[3] = {2, 1, 0};
    int socket = call3(102, 1, (int)made, 0);
    int to[3] = {socket, (int)&address, 16};
    int refused = call3(102, 3, (int)to, 0);
    call3(1, result == -5 && refused == -110 ? 7 : 1, 0, 0);
}
__asm__(".globl _start\n_start: mov %esp, %eax\npush %eax\ncall begin\n");
"""


@pytest.mark.skipif(os.uname().machine != "x86_64", reason="32-bit programs exist on x86-64 only")
def test_32_bit_programs_have_their_own_arm(stand: Any, fault: Any, tmp_path: Path, c_program: Any) -> None:
    kit = stand()
    rules = kit.arm(("write", fault(path=f"{tmp_path}/*")), ("connect", fault(errno=errno.ETIMEDOUT, direction="out")))
    flags = (
        "-m32",
        "-static",
        "-nostdlib",
        "-ffreestanding",
        "-fno-pie",
        "-no-pie",
        "-fno-stack-protector",
        "-fno-builtin",
    )
    status, _, _ = kit.run(c_program(BARE_32, *flags), tmp_path / "f")
    assert status == 7
    assert [kit.counts(rule).fired for rule in rules] == [1, 1]
    assert [event.fields["syscall"] for event in kit.events()] == ["write", "connect"]
    assert (tmp_path / "f").exists()


def test_twenty_runs_of_a_seed_take_the_same_decisions(stand: Any, fault: Any, tmp_path: Path, c_program: Any) -> None:
    program = c_program(THREADS, "-pthread")

    def decisions(seed: int) -> dict[str, int]:
        kit = stand(seed=seed)
        kit.arm(("write", fault(path=f"{tmp_path}/*", trigger={"probability": 0.3})))
        for file in tmp_path.iterdir():
            file.unlink()
        kit.run(program, tmp_path, "40")
        kit.supervisor.stop()
        return {file.name: file.stat().st_size for file in sorted(tmp_path.iterdir())}

    first = decisions(5)
    assert all(decisions(5) == first for _ in range(19))
    assert decisions(6) != first
    assert 160 < sum(first.values()) < 290


class Redis:
    """redis-server with an append-only file that is synced at each command."""

    def __init__(self, kit: Any, directory: Path) -> None:
        with socket.create_server(("127.0.0.1", 0)) as free:
            self.port = free.getsockname()[1]
        self.process = kit.launch(
            "/usr/bin/redis-server", "--port", str(self.port), "--dir", directory, "--appendonly", "yes",
            "--appendfsync", "always", "--save", "", "--daemonize", "no",
        )  # fmt: skip
        self.connection = self._connected()
        self.file = self.connection.makefile("rb")

    def _connected(self) -> socket.socket:
        deadline = time.monotonic() + 10
        while time.monotonic() < deadline:
            with contextlib.suppress(ConnectionRefusedError):
                return socket.create_connection(("127.0.0.1", self.port))
        raise TimeoutError("redis did not start")

    def ask(self, *words: str) -> str:
        self.connection.sendall(" ".join(words).encode() + b"\r\n")
        return self.file.readline().decode().strip()

    def close(self) -> None:
        self.file.close()
        self.connection.close()


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server")
def test_redis_with_an_append_only_file(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand(notify=["write", "fsync"])
    redis = Redis(kit, tmp_path)
    try:
        assert redis.ask("SET", "a", "1") == "+OK"
        aof = f"{tmp_path}/appendonlydir/*.incr.aof"
        (slow,) = kit.arm(("fsync", fault("delay", delay_ms=50, path=aof, trigger={"nth": 3})))
        took = []
        for n in range(5):
            start = time.monotonic()
            assert redis.ask("SET", "a", str(n)) == "+OK"
            took.append(time.monotonic() - start)
        assert took[2] >= 0.05
        assert kit.counts(slow)[1:] == (5, 1, 0)

        (full,) = kit.arm(("write", fault(errno=errno.ENOSPC, path=aof, trigger={"nth": 2})))
        assert redis.ask("SET", "b", "1") == "+OK"
        with contextlib.suppress(ConnectionError):
            redis.ask("SET", "b", "2")  # with appendfsync always redis gives up rather than lie
        assert redis.process.wait(10) == 1
        out, _ = redis.process.communicate()
        assert b"No space left on device" in out
        assert kit.counts(full)[1:] == (2, 1, 0)
        denied = [event for event in kit.events() if event.fields["decision"] == "deny(ENOSPC)"]
        assert [event.fields["path"].rpartition("/")[2] for event in denied] == ["appendonly.aof.1.incr.aof"]
    finally:
        redis.close()


def test_a_handler_hears_sigterm_as_soon_as_holds_are_released(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    (rule,) = kit.arm(("fsync", fault("delay", delay_ms=60_000)))
    code = f"""
import os, signal
signal.signal(signal.SIGTERM, lambda *_: os._exit(3))
os.fsync(os.open({str(tmp_path / "f")!r}, os.O_CREAT | os.O_RDWR))
signal.pause()
"""
    process = kit.launch(sys.executable, "-I", "-S", "-c", code)
    deadline = time.monotonic() + 10
    while not kit.counts(rule).fired:
        assert time.monotonic() < deadline
    process.terminate()
    assert kit.supervisor.release() == 1
    assert process.wait(10) == 3
