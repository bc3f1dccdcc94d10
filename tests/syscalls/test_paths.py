"""Rules with path= meet the file that the kernel means, however the program names it."""

from __future__ import annotations

import errno
import os
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.root


PRELUDE = """
import os, socket, sys
def attempt(name, function):
    try:
        return function()
    except OSError as error:
        print(name, error.errno)
"""


def denied(kit: Any, code: str, **options: Any) -> list[str]:
    """Run Python code that calls `attempt(name, function)`, and give the names of what failed."""
    status, out, err = kit.python(PRELUDE + code, **options)
    assert status == 0, err
    return out.split("\n")[:-1]


def test_ways_to_name_a_file(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    data = tmp_path / "data"
    deep = data / ("x" * 200) / ("y" * 200)
    deep.mkdir(parents=True)
    (tmp_path / "link").symlink_to(data)
    (tmp_path / "file-link").symlink_to(data / "f")
    (rule,) = kit.arm(("open", fault(path=f"{data}/**")))
    code = f"""
os.chdir({str(tmp_path)!r})
attempt("absolute", lambda: os.open({str(data)!r} + "/f", os.O_CREAT | os.O_RDWR))
attempt("relative", lambda: os.open("data/f", os.O_CREAT | os.O_RDWR))
attempt("dots", lambda: os.open("data/../data/./f", os.O_CREAT | os.O_RDWR))
attempt("symlinked directory", lambda: os.open("link/f", os.O_CREAT | os.O_RDWR))
attempt("symlink to be made", lambda: os.open("file-link", os.O_CREAT | os.O_RDWR))
attempt("beyond 256 bytes", lambda: os.open({str(deep)!r} + "/f", os.O_CREAT | os.O_RDWR))
attempt("not there", lambda: os.open("other/f", os.O_RDONLY))
os.chdir("data/..")
here = os.open({str(tmp_path)!r}, os.O_PATH)
attempt("dirfd", lambda: os.open("data/f", os.O_CREAT | os.O_RDWR, dir_fd=here))
attempt("elsewhere", lambda: os.open("f", os.O_CREAT | os.O_RDWR))
"""
    assert denied(kit, code) == [
        "absolute 5",
        "relative 5",
        "dots 5",
        "symlinked directory 5",
        "symlink to be made 5",
        "beyond 256 bytes 5",
        "not there 2",
        "dirfd 5",
    ]
    assert kit.counts(rule).fired == 7
    assert kit.counts(rule).unresolved == 0


def test_an_open_that_follows_no_symlink_is_met_by_the_links_own_name(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    (tmp_path / "file").touch()
    (tmp_path / "link").symlink_to("file")
    (rule,) = kit.arm(("open", fault(path=f"{tmp_path}/file")))
    code = f"""
import ctypes, struct
os.chdir({str(tmp_path)!r})
def openat2(path, flags=0, resolve=0, where=-100):
    if ctypes.CDLL(None, use_errno=True).syscall(437, where, path, struct.pack("QQQ", flags, 0, resolve), 24) < 0:
        raise OSError(ctypes.get_errno(), "")
attempt("follows", lambda: os.open("link", os.O_RDONLY))
attempt("stays", lambda: os.open("link", os.O_RDONLY | os.O_NOFOLLOW))
attempt("there already", lambda: os.open("link", os.O_WRONLY | os.O_CREAT | os.O_EXCL))
attempt("opens the link", lambda: os.open("link", os.O_PATH | os.O_NOFOLLOW))
attempt("follows too", lambda: openat2(b"link"))
attempt("stays too", lambda: openat2(b"link", os.O_NOFOLLOW))
attempt("no symlinks", lambda: openat2(b"link", 0, 4))
attempt("from another root", lambda: openat2(b"/../file", 0, 16, os.open(".", os.O_PATH)))
attempt("made in it", lambda: openat2(b"/nosuch", 0, 16, os.open(".", os.O_PATH)))
attempt("unreadable", lambda: ctypes.CDLL(None).syscall(437, -100, b"file", 1, 24))
"""
    assert denied(kit, code) == [
        "follows 5",
        "stays 40",
        "there already 17",
        "follows too 5",
        "stays too 40",
        "no symlinks 40",
        "from another root 5",
        "made in it 2",
    ]
    assert kit.counts(rule).unresolved == 0


@pytest.mark.parametrize("apart", [(), ("unshare", "--fork", "--pid", "--mount-proc")])
def test_a_programs_own_links_in_procfs_lead_where_they_lead_it(
    stand: Any, fault: Any, tmp_path: Path, apart: tuple[str, ...]
) -> None:
    kit = stand()
    (tmp_path / "file").touch()
    (rule,) = kit.arm(("open", fault(path=f"{tmp_path}/file", errno=errno.EIO, trigger={"after": 1})))
    code = f"""
os.chdir({str(tmp_path)!r})
fd = os.open("file", os.O_RDONLY)
here = os.open(".", os.O_PATH)
pipe, _ = os.pipe()
attempt("descriptor", lambda: os.open(f"/proc/self/fd/{{fd}}", os.O_RDONLY))
attempt("of a thread", lambda: os.open(f"/proc/thread-self/fd/{{fd}}", os.O_RDONLY))
attempt("beyond a descriptor", lambda: os.open(f"/proc/self/fd/{{here}}/file", os.O_RDONLY))
attempt("working directory", lambda: os.open("/proc/self/cwd/file", os.O_RDONLY))
attempt("root", lambda: os.open("/proc/self/root{tmp_path}/file", os.O_RDONLY))
attempt("the link", lambda: os.open(f"/proc/self/fd/{{fd}}", os.O_PATH | os.O_NOFOLLOW))
attempt("a pipe", lambda: os.open(f"/proc/self/fd/{{pipe}}", os.O_RDONLY | os.O_NONBLOCK))
if {bool(apart)}:
    attempt("by a symlink", lambda: os.open(f"/dev/fd/{{fd}}", os.O_RDONLY))
"""
    expected = ["descriptor 5", "of a thread 5", "beyond a descriptor 5", "working directory 5", "root 5"]
    run = [*apart, sys.executable, "-I", "-S", "-c", PRELUDE + code]
    status, out, err = kit.run(*run)
    assert (status, out.splitlines()) == (0, [*expected, "by a symlink 5"] if apart else expected), err
    assert kit.counts(rule).fired == len(expected) + bool(apart)


def test_a_rule_through_a_symlink_meets_its_target_wherever_it_points_now(
    stand: Any, fault: Any, tmp_path: Path
) -> None:
    kit = stand()
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
    (rule,) = kit.arm(("write", fault(path=f"{tmp_path}/current/*")))
    code = f"""
os.chdir({str(tmp_path)!r})
one, two = (os.open(name + "/f", os.O_CREAT | os.O_RDWR) for name in ("one", "two"))
attempt("before", lambda: os.write(one, b"x"))
os.symlink("one", "current")
attempt("one", lambda: os.write(one, b"x"))
attempt("not two", lambda: os.write(two, b"x"))
os.symlink("two", "next"); os.rename("next", "current")
attempt("not one", lambda: os.write(one, b"x"))
attempt("two", lambda: os.write(two, b"x"))
"""
    assert denied(kit, code) == ["one 5", "two 5"]
    assert kit.counts(rule).fired == 2


def test_descriptors_go_by_their_file(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    (rule,) = kit.arm(("write", fault(path=f"{tmp_path}/wal*")))
    code = f"""
os.chdir({str(tmp_path)!r})
fd = os.open("wal", os.O_CREAT | os.O_RDWR)
attempt("plain", lambda: os.write(fd, b"x"))
attempt("dup", lambda: os.write(os.dup(fd), b"x"))
left, right = socket.socketpair()
socket.send_fds(left, [b"."], [fd])
received = socket.recv_fds(right, 1, 1)[1][0]
attempt("received", lambda: os.write(received, b"x"))
sys.stdout.flush()
if os.fork() == 0:
    attempt("inherited", lambda: os.write(fd, b"x"))
    sys.stdout.flush()
    os._exit(0)
os.wait()
os.rename("wal", "other")
attempt("renamed away", lambda: os.write(fd, b"x"))
os.rename("other", "wal2")
attempt("renamed back", lambda: os.writev(fd, [b"x"]))
attempt("pwrite", lambda: os.pwrite(fd, b"x", 0))
os.unlink("wal2")
attempt("unlinked", lambda: os.write(fd, b"x"))
attempt("memfd", lambda: os.write(os.memfd_create("wal"), b"x"))
attempt("tmpfile", lambda: os.write(os.open(".", os.O_TMPFILE | os.O_RDWR), b"x"))
named = os.open("wal (deleted)", os.O_CREAT | os.O_RDWR)
attempt("really called so", lambda: os.write(named, b"x"))
"""
    assert denied(kit, code) == [
        f"{name} 5" for name in ("plain", "dup", "received", "inherited", "renamed back", "pwrite", "really called so")
    ]
    counts = kit.counts(rule)
    assert counts.fired == 7
    assert counts.unresolved == 3


def test_calls_with_paths_of_all_kinds(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    data = tmp_path / "data"
    data.mkdir()
    (data / "old").touch()
    (tmp_path / "out").touch()
    (data / "sub").mkdir()
    (data / "symlink").symlink_to(tmp_path / "out")
    kit.arm(
        *(
            (name, fault(path=f"{data}/**"))
            for name in ("rename", "unlink", "mkdir", "stat", "truncate", "rmdir", "link", "symlink")
        )
    )
    code = f"""
os.chdir({str(tmp_path)!r})
attempt("rename from", lambda: os.rename("data/old", "x"))
attempt("rename to", lambda: os.rename("out", "data/x"))
attempt("unlink", lambda: os.unlink("data/old"))
attempt("unlink a symlink", lambda: os.unlink("data/symlink"))
attempt("mkdir", lambda: os.mkdir("data/new/"))
attempt("rmdir", lambda: os.rmdir("data/sub"))
attempt("stat", lambda: os.stat("data/old"))
attempt("stat of a descriptor", lambda: os.fstat(os.open("data/old", os.O_RDONLY)))
attempt("stat through a symlink", lambda: os.stat("data/symlink"))
attempt("lstat", lambda: os.lstat("data/symlink"))
attempt("truncate", lambda: os.truncate("data/old", 0))
attempt("link", lambda: os.link("out", "data/hard"))
attempt("symlink", lambda: os.symlink("/", "data/soft"))
attempt("mkdir elsewhere", lambda: os.mkdir("new"))
"""
    names = [line.rpartition(" ")[0] for line in denied(kit, code)]
    assert names == [
        "rename from", "rename to", "unlink", "unlink a symlink", "mkdir", "rmdir",
        "stat", "stat of a descriptor", "lstat", "truncate", "link", "symlink",
    ]  # fmt: skip
    assert sorted(os.listdir(data)) == ["old", "sub", "symlink"]


def test_a_changed_root(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    jail = tmp_path / "jail"
    (jail / "data").mkdir(parents=True)
    (jail / "data" / "absolute").symlink_to("/data/target")
    (rule,) = kit.arm(("open", fault(path="/data/*")))
    code = f"""
attempt("outside", lambda: os.open("/data/f", os.O_RDONLY))
os.chroot({str(jail)!r})
os.chdir("/data")
attempt("absolute", lambda: os.open("/data/f", os.O_CREAT | os.O_RDWR))
attempt("relative", lambda: os.open("f", os.O_CREAT | os.O_RDWR))
attempt("above the root", lambda: os.open("../../../data/f", os.O_CREAT | os.O_RDWR))
attempt("absolute symlink", lambda: os.open("absolute", os.O_CREAT | os.O_RDWR))
attempt("other", lambda: os.open("/f", os.O_CREAT | os.O_RDWR))
"""
    assert denied(kit, code) == [
        f"{name} 5" for name in ("outside", "absolute", "relative", "above the root", "absolute symlink")
    ]
    assert kit.counts(rule).fired == 5


def test_kinds_narrow_a_rule(stand: Any, fault: Any, tmp_path: Path) -> None:
    kit = stand()
    rules = kit.arm(
        *(("write", fault(errno=code, on=kind)) for code, kind in ((104, "socket"), (28, "file"), (32, "pipe")))
    )
    code = f"""
import os, signal, socket
signal.signal(signal.SIGPIPE, signal.SIG_IGN)
said = []
def attempt(name, function):
    try:
        function()
    except OSError as error:
        name += " " + str(error.errno)
    said.append(name)
left, right = socket.socketpair()
attempt("socket", lambda: left.send(b"x"))
attempt("file", lambda: os.write(os.open({str(tmp_path / "f")!r}, os.O_CREAT | os.O_RDWR), b"x"))
attempt("pipe", lambda: os.write(os.pipe()[1], b"x"))
os.mkfifo({str(tmp_path / "fifo")!r})
attempt("fifo", lambda: os.write(os.open({str(tmp_path / "fifo")!r}, os.O_RDWR), b"x"))
attempt("null", lambda: os.write(os.open("/dev/null", os.O_RDWR), b"x"))
os.write(1, ", ".join(said).encode())
"""
    terminal, end = os.openpty()
    kit.python(code, stdout=end)
    os.close(end)
    said = os.read(terminal, 4096).decode()
    os.close(terminal)
    assert said == "socket 104, file 28, pipe 32, fifo 32, null"
    assert [kit.counts(rule).fired for rule in rules] == [1, 1, 2]


def test_calls_with_two_descriptors_are_met_by_the_end_that_the_rule_means(
    stand: Any, fault: Any, tmp_path: Path
) -> None:
    kit = stand()
    kit.arm(("read", fault(errno=5, path=f"{tmp_path}/a")), ("write", fault(errno=28, path=f"{tmp_path}/b")))
    for name in ("a", "b", "c"):
        (tmp_path / name).write_text("content")
    code = f"""
os.chdir({str(tmp_path)!r})
a, b, c = (os.open(name, os.O_RDWR) for name in "abc")
attempt("from a", lambda: os.sendfile(c, a, None, 4))
attempt("to b", lambda: os.copy_file_range(c, b, 4))
attempt("from b", lambda: os.copy_file_range(b, c, 4))
attempt("to a", lambda: os.sendfile(a, c, 0, 4))
"""
    assert denied(kit, code) == ["from a 5", "to b 28"]
