"""Many threads write to shared ends of connections, one thread or process reads each; what truly happened is kept.

Every eight bytes say who wrote them: the writer, and which of its calls it was. So what a reader has shows whose bytes
stand where in the stream, whatever the kernel's programs say.
"""

import json
import os
import random
import socket
import struct
import sys
import threading
from pathlib import Path

UNIT = struct.Struct("<II")


def ends_of(kind):
    """Both ends of a connection: who connected first."""
    if kind == "pair":
        return socket.socketpair()
    if kind == "unix":
        path = f"{sys.argv[2]}/{random.random()}"
        listener = socket.socket(socket.AF_UNIX)
        listener.bind(path)
        listener.listen()
        caller = socket.socket(socket.AF_UNIX)
        caller.connect(path)
        return caller, listener.accept()[0]
    family, host = (socket.AF_INET6, "::1") if kind == "tcp6" else (socket.AF_INET, "127.0.0.1")
    listener = socket.create_server((host, 0), family=family)
    caller = socket.socket(family)
    caller.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 8192)
    caller.connect(listener.getsockname()[:2])
    return caller, listener.accept()[0]


def write(end, number, lock, sent, chance):
    """Send so that calls overlap (no lock), or never do."""
    me = threading.get_native_id()
    for nth in range(1, 41):
        data = UNIT.pack(number, nth) * chance.choice((1, 3, 60, 700, 5000))
        if lock:
            with lock:
                done = send(end, data, chance)
        else:
            done = send(end, data, chance)
        sent.append((me, number, nth, done))


def send(end, data, chance):
    how = chance.randrange(4)
    if how == 0:
        return os.write(end.fileno(), data)
    if how == 1:
        return end.sendmsg([data[:8], data[8:]])
    if how == 2:
        return os.writev(end.fileno(), [data])
    return end.send(data)


def read(end, got, chance):
    """Take all that comes, by various calls; looking at it beforehand takes nothing."""
    stream = bytearray()
    while True:
        size = chance.choice((1, 17, 4096, 100_000))
        if chance.randrange(5) == 0:
            end.recv(size, socket.MSG_PEEK)
        how = chance.randrange(4)
        if how == 0:
            data = os.read(end.fileno(), size)
        elif how == 1:
            data = end.recvmsg(size)[0]
        elif how == 2:
            data = end.recv(size, socket.MSG_WAITALL)
        else:
            data = end.recv(size)
        got.append((threading.get_native_id(), len(data)))
        if not data:
            return bytes(stream)
        stream += data


def talk(kind, told, *, locked, in_process=False):
    """One connection, written to by three threads and read by a thread or a forked process."""
    chance = random.Random(f"{kind} {locked} {in_process}")
    out, into = ends_of(kind)
    story = {"kind": kind, "locked": locked, "sent": [], "got": [], "end": os.fstat(out.fileno()).st_ino}
    story["other"] = os.fstat(into.fileno()).st_ino
    read_pipe, write_pipe = os.pipe()
    child = os.fork() if in_process else 0
    if in_process and child == 0:
        out.close()
        got = []
        stream = read(into, got, chance)
        with os.fdopen(write_pipe, "w") as pipe:
            json.dump([got, stream.hex()], pipe)
        os._exit(0)
    os.close(write_pipe)
    lock = threading.Lock() if locked else None
    writers = [
        threading.Thread(target=write, args=(out, number, lock, story["sent"], random.Random(number)))
        for number in range(1, 4)
    ]
    result = []
    reader = threading.Thread(target=lambda: result.append(read(into, story["got"], chance).hex()))
    if not in_process:
        reader.start()
    [each.start() for each in writers]
    [each.join() for each in writers]
    if in_process:
        into.close()
    out.shutdown(socket.SHUT_WR)
    if in_process:
        with os.fdopen(read_pipe) as pipe:
            got, stream = json.load(pipe)
        os.waitpid(child, 0)
        story["got"], result = got, [stream]
    else:
        os.close(read_pipe)
        reader.join()
    story["stream"] = result[0]
    told.append(story)


def main():
    told = []
    # A process forks while it has one thread only; then all others talk at once.
    for kind in ("tcp", "unix"):
        for locked in (True, False):
            talk(kind, told, locked=locked, in_process=True)
    threads = [
        threading.Thread(target=talk, args=(kind, told), kwargs={"locked": locked})
        for kind in ("tcp", "tcp6", "unix", "pair")
        for locked in (True, False)
    ]
    [each.start() for each in threads]
    [each.join() for each in threads]
    Path(sys.argv[1]).write_text(json.dumps(told), encoding="utf-8")


main()
