"""Reading another process's memory (process_vm_readv(2), Linux 3.2)."""

from __future__ import annotations

import ctypes

from faultbox.linux._call import libc

PATH_MAX = 4096
_PAGE = 4096


class _Span(ctypes.Structure):
    _fields_ = (("start", ctypes.c_void_p), ("length", ctypes.c_size_t))


def read(pid: int, address: int, length: int) -> bytes:
    """At most `length` bytes from `address` on: fewer where the mapping ends, none where nothing is mapped.

    `pid` may be a thread's. A process that is gone, or may not be read, reads as nothing.
    """
    buffer = ctypes.create_string_buffer(length)
    here = _Span(ctypes.addressof(buffer), length)
    there = _Span(address, length)
    count = libc.process_vm_readv(pid, ctypes.byref(here), 1, ctypes.byref(there), 1, 0)
    return buffer.raw[:count] if count > 0 else b""


def read_string(pid: int, address: int, limit: int = PATH_MAX) -> bytes | None:
    """The bytes before the terminating null; None where there is none within `limit`, as for the kernel.

    It reads up to a page boundary at a time, since the next page may not be mapped.
    """
    text = b""
    while len(text) < limit:
        wanted = min(_PAGE - (address + len(text)) % _PAGE, limit - len(text))
        wanted = min(wanted, 256) if not text else wanted
        part = read(pid, address + len(text), wanted)
        end = part.find(b"\0")
        if end >= 0:
            return text + part[:end]
        if not part:
            return None
        text += part
    return None
