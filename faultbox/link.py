"""Frames between our own processes, over a Unix SEQPACKET pair, with descriptors.

A frame is a kind and a body (pickled: both ends are the same program). The kernel keeps frame
boundaries and drops nothing; end of file is seen as soon as the last holder of the other end
is gone, however it died (unix(7)). Frames larger than a packet travel in parts.
"""

from __future__ import annotations

import array
import contextlib
import os
import pickle
import select
import socket
from collections.abc import Iterator, Sequence
from typing import Any

from faultbox.model.frozen import frozen

_PART = 64 * 1024
"""Bytes of body in one packet; well under the default SO_SNDBUF of 208 KiB."""
_MAX_FDS = 16
_LAST, _MORE = b"\0", b"\1"


@frozen
class Frame:
    """What `receive` gives: descriptors arrive close-on-exec and belong to the receiver."""

    kind: str
    body: Any
    fds: tuple[int, ...] = ()


class Link:
    """One end of a pair. Sends are atomic per packet; one thread at a time may send, one receive."""

    def __init__(self, end: socket.socket) -> None:
        self._socket = end

    @classmethod
    def pair(cls) -> tuple[Link, Link]:
        """Both ends, close-on-exec."""
        left, right = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
        return cls(left), cls(right)

    @classmethod
    def adopt(cls, fd: int) -> Link:
        """The end that a parent left open for us at exec."""
        os.set_inheritable(fd, False)  # noqa: FBT003 - positional only
        return cls(socket.socket(fileno=fd))

    def fileno(self) -> int:
        return self._socket.fileno()

    def send(self, kind: str, body: Any = None, fds: Sequence[int] = ()) -> None:
        """Blocks while the other end is slow. Raises BrokenPipeError or ConnectionResetError when it is gone."""
        data = pickle.dumps((kind, body), protocol=pickle.HIGHEST_PROTOCOL)
        ancillary = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
        for start in range(0, len(data), _PART):
            part = data[start : start + _PART]
            more = start + _PART < len(data)
            while not self._sent([_MORE if more else _LAST, part], ancillary):
                self._wait(select.POLLOUT)
            ancillary = []

    def receive(self) -> Frame | None:
        """The next frame, waiting for it; None when the other end is gone."""
        parts: list[bytes] = []
        fds: list[int] = []
        while True:
            try:
                data, ancillary, flags, _ = self._socket.recvmsg(
                    _PART + 1, socket.CMSG_SPACE(_MAX_FDS * 4), socket.MSG_CMSG_CLOEXEC
                )
            except ConnectionResetError:
                data, ancillary, flags = b"", [], 0
            except BlockingIOError:
                self._wait(select.POLLIN)
                continue
            for level, kind, payload in ancillary:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.extend(array.array("i", payload[: len(payload) - len(payload) % 4]))
            if not data:
                for fd in fds:
                    os.close(fd)
                return None
            if flags & (socket.MSG_TRUNC | socket.MSG_CTRUNC):
                raise RuntimeError("a frame was cut: the two ends disagree on its size")
            parts.append(data[1:])
            if data[:1] == _LAST:
                name, body = pickle.loads(b"".join(parts))
                return Frame(name, body, tuple(fds))

    def has_room(self) -> bool:
        """Whether a frame of a packet can be sent without waiting: a socket polls so while it is a quarter full."""
        poll = select.poll()
        poll.register(self._socket, select.POLLOUT)
        return bool(poll.poll(0))

    def _sent(self, parts: list[bytes], ancillary: list[tuple[int, int, Any]]) -> bool:
        """Whether there was room for it: an event loop that watches a link may have made it non-blocking (uv_poll)."""
        try:
            self._socket.sendmsg(parts, ancillary, socket.MSG_NOSIGNAL)
        except BlockingIOError:
            return False
        return True

    def _wait(self, what: int) -> None:
        poll = select.poll()
        poll.register(self._socket, what)
        poll.poll()

    def pending(self) -> Iterator[Frame | None]:
        """The frames that have arrived, without waiting for more; a last None when the other end is gone."""
        while self._readable():
            frame = self.receive()
            yield frame
            if frame is None:
                return

    def call(self, kind: str, body: Any = None, fds: Sequence[int] = ()) -> Frame:
        """Send and wait for the one answer. Raises EOFError when the other end is gone."""
        try:
            self.send(kind, body, fds)
            answer = self.receive()
        except (BrokenPipeError, ConnectionResetError):
            answer = None
        if answer is None:
            raise EOFError(f"the process that should answer {kind!r} is gone")
        return answer

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.close()

    def detach(self) -> int:
        """Give the descriptor away, for a child that is about to be exec'ed."""
        return self._socket.detach()

    def _readable(self) -> bool:
        try:
            return bool(self._socket.recv(1, socket.MSG_PEEK | socket.MSG_DONTWAIT) or True)
        except BlockingIOError:
            return False
        except ConnectionResetError:
            return True
