"""Files: what is done with them by whatever descriptor and path, beside what inotify and the programs say."""

import contextlib
import ctypes
import itertools
import os
import shutil
import socket
import struct
import subprocess
import sys

import pytest

from faultbox.model.observation import FileTotals, Watch

pytestmark = pytest.mark.root

WATCHED = Watch(files=True)
IN = {0x2: "write", 0x100: "create", 0x200: "unlink", 0x40: "from", 0x80: "to", 0x20: "open"}


class Inotify:
    """What inotify(7) says of the files of one directory."""

    _HEAD = struct.Struct("=iIII")

    def __init__(self, directory):
        libc = ctypes.CDLL(None, use_errno=True)
        self._fd = libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        assert libc.inotify_add_watch(self._fd, os.fsencode(directory), sum(IN)) > 0

    def read(self):
        """(what, name), those that are alike and follow each other once."""
        data = b""
        try:
            while part := os.read(self._fd, 1 << 16):
                data += part
        except BlockingIOError:
            pass
        at, found = 0, []
        while at < len(data):
            _, mask, _, length = self._HEAD.unpack_from(data, at)
            at += self._HEAD.size
            name = data[at : at + length].rstrip(b"\0").decode()
            at += length
            if not mask & 0x40000000:  # IN_ISDIR
                found.append((IN[mask & 0xFFF], name))
        os.close(self._fd)
        return once(found)


def once(said):
    return [each for each, _ in itertools.groupby(said)]


def as_inotify(events, directory):
    """Events of a directory's files as inotify would have them: a creation is an opening too, syncs aren't told."""
    said = []
    for event in events:
        op = event.fields["op"]
        name = name_in(directory, event.fields.get("path", ""))
        if op in ("rename", "link"):
            to = name_in(directory, event.fields["to"])
            said += [("from" if op == "rename" else "", name), ("to" if op == "rename" else "create", to)]
        elif op == "create":
            said += [("create", name), ("open", name)]
        elif op != "sync":
            said.append(("write" if op == "truncate" else op, name))
    return once((what, name) for what, name in said if what and name)


def name_in(directory, path):
    """The name of a file in this directory, "" for any other."""
    parent, _, name = path.rpartition("/")
    return name if parent == str(directory) else ""


EVERYTHING = """
import os, socket, sys
os.chdir(sys.argv[1])
a = os.open("a", os.O_CREAT | os.O_WRONLY)
os.write(a, b"one")
os.writev(a, [b"two", b"three"])
os.pwrite(a, b"x", 100)
os.fsync(a)
os.fdatasync(a)
copy = os.dup(a)
os.close(a)
os.write(copy, b"dup")
if os.fork() == 0:
    os.write(copy, b"inherited")
    os._exit(0)
os.wait()
here, there = socket.socketpair()
socket.send_fds(here, [b"f"], [copy])
(passed,) = socket.recv_fds(there, 1, 1)[1]
os.rename("a", "b")
os.write(passed, b"passed")
directory = os.open(".", os.O_RDONLY)
c = os.open("c", os.O_CREAT | os.O_RDWR, dir_fd=directory)
os.sendfile(c, os.open("b", os.O_RDONLY), 0, 10)
os.copy_file_range(os.open("b", os.O_RDONLY), c, 5)
os.ftruncate(c, 3)
os.truncate("b", 2)
os.link("c", "d", src_dir_fd=directory, dst_dir_fd=directory)
os.unlink("c", dir_fd=directory)
os.rename("d", "e", src_dir_fd=directory, dst_dir_fd=directory)
open("e", "w").close()
os.fsync(directory)
os.mkdir("sub")
os.rmdir("sub")
os.unlink("b")
os.write(passed, b"gone")
"""


def test_every_way_to_change_a_file_in_the_order_of_inotify(world_of, tmp_path):
    directory = tmp_path / "data"
    directory.mkdir()
    watcher, world = Inotify(directory), world_of({"svc": WATCHED})
    assert world.run("svc", sys.executable, "-I", "-c", EVERYTHING, str(directory)) == 0
    events = [each for each in world.of("file") if each.fields.get("path", "").startswith(str(directory))]
    expected = watcher.read()
    assert expected[-1] == ("write", "b")  # inotify goes on calling it so, though its name is gone
    assert as_inotify(events, directory) == expected[:-1]
    assert [each.fields["path"] for each in world.of("file", op="sync")] == [f"{directory}/a"] * 2 + [str(directory)]
    written = [(each.fields["path"], int(each.fields["bytes"])) for each in events if each.fields["op"] == "write"]
    assert [(path.removeprefix(f"{directory}/"), size) for path, size in written if path.startswith("/")] == [
        ("a", 3),
        ("a", 8),
        ("a", 1),
        ("a", 3),
        ("a", 9),
        ("b", 6),
        ("c", 10),
        ("c", 5),
    ]
    (nameless,) = [each for each in world.of("file", op="write") if "path" not in each.fields]
    assert nameless.fields["bytes"] == "4"


def test_totals_are_by_the_first_path_and_count_every_descriptor(world_of, tmp_path):
    world = world_of()
    assert world.run("svc", sys.executable, "-I", "-c", EVERYTHING, str(tmp_path)) == 0
    found = {each.path: each for each in world.totals().files}
    assert found[f"{tmp_path}/a"] == FileTotals("svc", f"{tmp_path}/a", 3, 2, 15, 7, 34, 2)
    assert found[f"{tmp_path}/c"] == FileTotals("svc", f"{tmp_path}/c", 2, 0, 0, 2, 15, 0)
    assert world.totals().lost == {}
    assert world.of("file") == []


def test_bytes_are_those_that_the_program_has_read_and_written(world_of, tmp_path):
    code = (
        "import os, sys, threading\n"
        "def work(name):\n"
        "    with open(name, 'wb', buffering=0) as f:\n"
        "        for n in range(200): f.write(b'x' * n)\n"
        "    with open(name, 'rb', buffering=0) as f:\n"
        "        while f.read(1000): pass\n"
        "threads = [threading.Thread(target=work, args=(f'{sys.argv[1]}/{n}',)) for n in range(4)]\n"
        "[t.start() for t in threads]; [t.join() for t in threads]\n"
    )
    world = world_of()
    assert world.run("svc", sys.executable, "-I", "-c", code, str(tmp_path)) == 0
    size = sum(range(200))
    found = {each.path: each for each in world.totals().files}
    for n in range(4):
        path = f"{tmp_path}/{n}"
        assert found[path] == FileTotals("svc", path, 2, size // 1000 + 2, size, 200, size, 0)


REUSED = """
import os, sys
os.chdir(sys.argv[1])
for n in range(200):
    with open(f"file{n}", "wb", buffering=0) as file:
        file.write(b"x" * (n + 1))
    os.unlink(f"file{n}")
"""


def test_a_file_that_has_the_number_of_one_that_is_gone(world_of, tmp_path):
    """File systems give numbers again: most of these files have had one number."""
    world = world_of(("svc", "other"))
    for lane in ("svc", "other"):
        assert world.run(lane, sys.executable, "-I", "-c", REUSED, str(tmp_path)) == 0
    found = {(each.service, each.path): each for each in world.totals().files}
    for lane, n in itertools.product(("svc", "other"), range(200)):
        path = f"{tmp_path}/file{n}"
        assert found[lane, path] == FileTotals(lane, path, 1, 0, 0, 1, n + 1, 0)


STRANGE = """
import os, sys
os.chdir(sys.argv[1])
t = os.open(".", os.O_TMPFILE | os.O_WRONLY)
os.write(t, b"none")
m = os.memfd_create("memory")
os.write(m, b"no name")
os.mkdir("real")
os.symlink("real", "link")
f = os.open("link/x", os.O_CREAT | os.O_WRONLY)
os.write(f, b"1")
os.rename("link/x", "link/../link/y")
os.unlink("./real//y")
print("done", flush=True)
sys.stdin.read()
"""


def test_names_are_as_the_kernel_resolved_them_or_missing(world_of, tmp_path):
    world = world_of({"svc": WATCHED})
    pipes = {"stdin": subprocess.PIPE, "stdout": subprocess.PIPE}
    with world.start("svc", sys.executable, "-I", "-c", STRANGE, str(tmp_path), **pipes) as program:
        program.stdout.readline()
        events = [each.fields for each in world.of("file") if each.fields["op"] not in ("open", "truncate")]
        program.stdin.close()
    real = f"{tmp_path}/real"
    told = [(each["op"], each.get("path"), each.get("to")) for each in events if "svc" not in each.get("path", "")]
    assert told[-6:] == [
        ("write", None, None),
        ("write", None, None),
        ("create", f"{real}/x", None),
        ("write", f"{real}/x", None),
        ("rename", f"{real}/x", f"{real}/y"),
        ("unlink", f"{real}/y", None),
    ]


def test_a_long_path_is_cut_where_it_begins_and_shows_it(world_of, tmp_path):
    code = (
        "import os, sys\n"
        "os.chdir(sys.argv[1])\n"
        "for _ in range(25): os.mkdir('d' * 200); os.chdir('d' * 200)\n"
        "open('the file', 'w').write('x')\n"
    )
    world = world_of({"svc": WATCHED})
    assert world.run("svc", sys.executable, "-I", "-c", code, str(tmp_path)) == 0
    (event,) = [each for each in world.of("file", op="write") if each.fields["path"].endswith("the file")]
    path = event.fields["path"]
    assert path.startswith("…")
    assert path.endswith("/" + "d" * 200 + "/the file")
    assert 3500 < len(path) <= 4096
    (total,) = [each for each in world.totals().files if each.path.endswith("the file")]
    assert total.path.startswith("…d")
    assert (total.opens, total.writes) == (1, 1)
    subprocess.run(("rm", "-rf", "d" * 200), cwd=tmp_path, check=True)


OVERLAY = """
set -e
cd "$1"
mkdir lower upper work root lower/bin lower/lib lower/lib64
echo there before > lower/old
mount -t overlay none -o lowerdir=lower,upperdir=upper,workdir=work root
for name in bin lib lib64; do mount --bind /$name root/$name; done
cd root
pivot_root . .
exec /bin/sh -c 'cat /old; echo new >> /old; echo more > /made; mv /made /moved; cat /old'
"""


def test_files_of_an_overlay_are_called_as_the_service_sees_them(world_of, tmp_path):
    world = world_of({"svc": WATCHED})
    assert world.run("svc", "unshare", "-m", "sh", "-c", OVERLAY, "sh", str(tmp_path)) == 0
    told = [each.fields for each in world.of("file") if each.fields["path"] in ("/old", "/made")]
    assert [(each["op"], each["path"], each.get("to")) for each in told] == [
        ("open", "/old", None),
        ("open", "/old", None),
        ("write", "/old", None),
        ("create", "/made", None),
        ("write", "/made", None),
        ("rename", "/made", "/moved"),
        ("open", "/old", None),
    ]
    found = {each.path: each for each in world.totals().files}
    assert (found["/old"].opens, found["/old"].bytes_read, found["/old"].bytes_written) == (3, 13 + 17, 4)


def ask(port, command):
    with socket.create_connection(("127.0.0.1", port), timeout=20) as end:
        end.sendall(command)
        return end.recv(1000)


@pytest.mark.skipif(shutil.which("redis-server") is None, reason="needs redis-server: apt-get install redis-server")
def test_what_redis_does_to_its_log_is_what_inotify_sees(world_of, tmp_path, until):
    directory = tmp_path / "log"
    directory.mkdir()
    with socket.create_server(("127.0.0.1", 0)) as probe:
        port = probe.getsockname()[1]
    watcher, world = Inotify(directory), world_of({"svc": WATCHED})
    how = ("--dir", str(tmp_path), "--appenddirname", "log", "--appendonly", "yes", "--appendfsync", "always")
    with world.start("svc", "redis-server", "--port", str(port), "--save", "", *how) as redis:

        def answers():
            with contextlib.suppress(OSError):
                return ask(port, b"PING\r\n").startswith(b"+PONG")

        until(answers, "redis answers")
        for number in range(20):
            assert ask(port, b"SET key %d\r\n" % number) == b"+OK\r\n"
        assert ask(port, b"BGREWRITEAOF\r\n").startswith(b"+Background")
        until(lambda: b"aof_rewrite_in_progress:0" in ask(port, b"INFO persistence\r\n"), "its log is written anew")
        assert ask(port, b"SHUTDOWN\r\n") == b""
        assert redis.wait(20) == 0
    expected = [each for each in watcher.read() if each[0] != "open"]
    told = [each for each in as_inotify(world.of("file"), directory) if each[0] != "open"]
    assert ("write", "appendonly.aof.1.incr.aof") in expected
    assert ("unlink", "appendonly.aof.1.incr.aof") in expected
    assert once(told) == once(expected)
    (log,) = [each for each in world.totals().files if each.path.endswith(".1.incr.aof")]
    assert log.syncs >= 20
    assert log.bytes_written == sum(
        int(each.fields["bytes"]) for each in world.of("file", op="write") if each.fields.get("path") == log.path
    )


NUMBERED = """
set -e
cd "$1"
mkdir lower upper work root
mount -t tmpfs none lower
mount -t tmpfs none upper
mkdir upper/upper upper/work
for n in 1 2 3 4 5 6 7 8; do echo "$n" > lower/old$n; done
mount -t overlay none -o lowerdir=lower,upperdir=upper/upper,workdir=upper/work root
cd root
for n in 1 2 3 4 5 6 7 8; do echo "longer $n" > new$n; done
exec cat old1 old2 old3 old4 old5 old6 old7 old8 new1 new2 new3 new4 new5 new6 new7 new8
"""


def test_files_of_two_layers_with_one_number(world_of, tmp_path):
    """Both file systems have given their files the same few numbers, and the overlay shows them as they are."""
    world = world_of()
    assert world.run("svc", "unshare", "-m", "sh", "-c", NUMBERED, "sh", str(tmp_path)) == 0
    found = {each.path: each for each in world.totals().files}
    for n in range(1, 9):
        old, new = f"{tmp_path}/root/old{n}", f"{tmp_path}/root/new{n}"
        assert (found[old].bytes_read, found[old].bytes_written) == (2, 0)
        assert (found[new].bytes_read, found[new].bytes_written) == (9, 9)


MAPS = """
import mmap, os, sys
fd = os.open(sys.argv[1], os.O_RDWR | os.O_CREAT)
os.ftruncate(fd, 8192)
readable = os.open(sys.argv[1], os.O_RDONLY)
mmap.mmap(fd, 4096)
mmap.mmap(fd, 4096, prot=mmap.PROT_READ)
mmap.mmap(fd, 4096, flags=mmap.MAP_PRIVATE)
mmap.mmap(readable, 4096, prot=mmap.PROT_READ)
mmap.mmap(-1, 4096)
"""


def test_shared_mappings_by_which_a_file_may_be_written(world_of, tmp_path):
    world = world_of({"svc": WATCHED})
    assert world.run("svc", sys.executable, "-I", "-c", MAPS, f"{tmp_path}/a") == 0
    assert {each.path: each.mappings for each in world.totals().files if each.mappings} == {f"{tmp_path}/a": 2}
