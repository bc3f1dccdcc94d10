from __future__ import annotations

import ctypes
import mmap
import os

from faultbox.linux import vmem


def test_reading_another_process() -> None:
    text = ctypes.create_string_buffer(b"/data/file")
    read, write = os.pipe()
    pid = os.fork()
    if pid == 0:
        os.read(read, 1)
        os._exit(0)
    try:
        assert vmem.read(pid, ctypes.addressof(text), 5) == b"/data"
        assert vmem.read_string(pid, ctypes.addressof(text)) == b"/data/file"
        assert vmem.read(pid, 16, 5) == b""
        assert vmem.read_string(pid, 16) is None
    finally:
        os.write(write, b"x")
        os.waitpid(pid, 0)
        os.close(read)
        os.close(write)
    assert vmem.read(pid, ctypes.addressof(text), 5) == b""


def test_strings_of_any_length_up_to_the_end_of_the_mapping() -> None:
    with mmap.mmap(-1, 3 * mmap.PAGESIZE) as memory:
        start = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        libc = ctypes.CDLL(None, use_errno=True)
        assert libc.mprotect(ctypes.c_void_p(start + 2 * mmap.PAGESIZE), mmap.PAGESIZE, 0) == 0
        memory[: 2 * mmap.PAGESIZE] = b"a" * (2 * mmap.PAGESIZE)
        last = 2 * mmap.PAGESIZE - 1
        memory[last : last + 1] = b"\0"
        for length in (0, 1, 255, 256, 257, 4000, 4095):
            assert vmem.read_string(os.getpid(), start + last - length) == b"a" * length
        assert vmem.read_string(os.getpid(), start + last - 4096) is None
        memory[last : last + 1] = b"a"
        assert vmem.read_string(os.getpid(), start + last - 10) is None
        assert libc.mprotect(ctypes.c_void_p(start + 2 * mmap.PAGESIZE), mmap.PAGESIZE, 3) == 0
