"""Files without a name, for libraries that read from paths alone."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager


@contextmanager
def holding(data: bytes, name: str = "faultbox") -> Iterator[str]:
    """A path under which these bytes are read while the context lasts; nothing touches a disk (memfd_create(2))."""
    fd = os.memfd_create(name, os.MFD_CLOEXEC)
    try:
        rest = memoryview(data)
        while rest:
            rest = rest[os.write(fd, rest) :]
        yield f"/proc/self/fd/{fd}"
    finally:
        os.close(fd)
