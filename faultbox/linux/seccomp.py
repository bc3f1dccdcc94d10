"""seccomp(2) and seccomp_unotify(2): installing a filter and answering what it notifies.

Structures are those of <linux/seccomp.h>; the numbers of the ioctls are the same on x86-64 and
arm64 (generic _IOC encoding, type '!').
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import fcntl
import os
import struct
from collections.abc import Callable
from functools import partial
from typing import NamedTuple, cast

from faultbox.linux._call import libc, number_of, syscall

_SET_MODE_FILTER, _GET_ACTION_AVAIL, _GET_NOTIF_SIZES = 1, 2, 3
_SPEC_ALLOW, _NEW_LISTENER, _WAIT_KILLABLE_RECV = 1 << 2, 1 << 3, 1 << 5
_RET_USER_NOTIF = 0x7FC00000
_PR_SET_NO_NEW_PRIVS = 38

_RECV, _SEND, _ID_VALID, _SET_FLAGS = 0xC0502100, 0xC0182101, 0x40082102, 0x40082104
_SYNC_WAKE_UP = 1
_CONTINUE = struct.pack("=qiI", 0, 0, 1)

NOTIFICATION = struct.Struct("=QIIiIQ6Q")
"""id, pid, flags; nr, arch, instruction pointer, six arguments (struct seccomp_notif)."""
_RESPONSE = struct.Struct("=QqiI")
_EMPTY = bytes(NOTIFICATION.size)

AUDIT_ARCH = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7, "i386": 0x40000003}
"""What the field `arch` of a notification holds (<linux/audit.h>)."""


class Unsupported(OSError):
    """This kernel can't do what syscall faults need; the message says what would."""


class _Program(ctypes.Structure):
    _fields_ = (("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p))


class Support(NamedTuple):
    """What the running kernel offers. `reason` is "" when syscall faults work."""

    sync_wake_up: bool
    reason: str


def seccomp(operation: int, flags: int, argument: object) -> int:
    number = number_of("seccomp", {"x86_64": 317, "aarch64": 277})
    return syscall("seccomp", number, operation, flags, argument)


def install(program: bytes, *, no_new_privs: bool = False) -> int:
    """Put a filter on the calling thread and all it will start; gives the listener.

    `program` is an array of struct sock_filter. Without CAP_SYS_ADMIN in the thread's user
    namespace `no_new_privs` must be set, and setuid programs then gain nothing. A notified call is
    only interrupted by death (WAIT_KILLABLE_RECV, Linux 5.19): otherwise a timer signal would
    restart a delayed call for ever and count it anew each time.
    Raises Unsupported, or OSError (EBUSY: the thread has a listener already).
    """
    if no_new_privs and libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0:
        raise OSError(ctypes.get_errno(), "prctl(PR_SET_NO_NEW_PRIVS)")
    instructions = ctypes.create_string_buffer(program, len(program))
    argument = _Program(len(program) // 8, ctypes.addressof(instructions))
    flags = _NEW_LISTENER | _WAIT_KILLABLE_RECV | _SPEC_ALLOW
    try:
        return seccomp(_SET_MODE_FILTER, flags, ctypes.byref(argument))
    except OSError as error:
        raise _explained(error) from error


_ioctl_to_bytes = cast("Callable[[int, int, bytes], bytes]", fcntl.ioctl)
"""ioctl(2) on immutable bytes gives what the kernel wrote; typeshed knows of the number only."""


class Listener:
    """A listener to serve. Its calls go straight to ioctl(2): they are made for every notified call."""

    def __init__(self, fd: int) -> None:
        self.fd = fd
        self.receive: Callable[[], bytes] = partial(_ioctl_to_bytes, fd, _RECV, _EMPTY)
        """The next notification (see NOTIFICATION). Blocks, O_NONBLOCK or not: poll first.

        Raises FileNotFoundError when its caller is gone or was interrupted.
        """
        self._send = partial(fcntl.ioctl, fd, _SEND)

    def let_go(self, identity: bytes) -> None:
        """Let the call be done as if nothing had been in its way. `identity`: a notification's first 8 bytes.

        Raises FileNotFoundError when the caller is gone.
        """
        self._send(identity + _CONTINUE)

    def deny(self, identity: bytes, code: int) -> None:
        """Make the call fail with an errno. Raises FileNotFoundError when the caller is gone."""
        self._send(_RESPONSE.pack(int.from_bytes(identity, "little"), 0, -code, 0))

    def wake_callers_at_once(self) -> bool:
        """Hand the processor over with each notification (SYNC_WAKE_UP): 6 µs a call in place of 40.

        False where the kernel is older than 6.6: everything works, slower.
        """
        try:
            fcntl.ioctl(self.fd, _SET_FLAGS, _SYNC_WAKE_UP)
        except OSError:
            return False
        return True

    def still_waits(self, identity: bytes) -> bool:
        """Whether the caller is still there: what was read from its memory before is then its own."""
        try:
            fcntl.ioctl(self.fd, _ID_VALID, identity)
        except FileNotFoundError:
            return False
        return True


def support() -> Support:
    """What this kernel can do, found without installing anything."""
    reason = ""
    if not _offers_user_notify():
        reason = "the kernel has no seccomp user notification: Linux 5.19 or newer is needed"
    elif not _knows_flags(_NEW_LISTENER | _WAIT_KILLABLE_RECV):
        reason = "the kernel can't hold calls against signals: Linux 5.19 or newer is needed"
    return Support(_release() >= (6, 6), reason)


def supported() -> bool:
    """Whether syscall faults work on this kernel."""
    return not support().reason


def _offers_user_notify() -> bool:
    action = ctypes.c_uint32(_RET_USER_NOTIF)
    with contextlib.suppress(OSError):
        return seccomp(_GET_ACTION_AVAIL, 0, ctypes.byref(action)) == 0
    return False


def _knows_flags(flags: int) -> bool:
    """A null program is EFAULT where the kernel knows the flags and EINVAL where it doesn't (seccomp(2), NOTES)."""
    try:
        seccomp(_SET_MODE_FILTER, flags, None)
    except OSError as error:
        return error.errno == errno.EFAULT
    return False


def _release() -> tuple[int, ...]:
    return tuple(int(part) for part in os.uname().release.split("-")[0].split(".")[:2])


def _explained(error: OSError) -> OSError:
    reason = support().reason
    if reason:
        return Unsupported(error.errno, f"syscall faults don't work here: {reason}")
    if error.errno == errno.EBUSY:
        return OSError(
            errno.EBUSY, "this process tree has a seccomp listener already (a container runtime's or another run's)"
        )
    return error
