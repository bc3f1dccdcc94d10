"""BPF: objects loaded by libbpf, links by bpf(2), maps as functions on their descriptors.

Objects are built from `bpf/` by make. Every descriptor that comes from here closes on exec (the kernel makes them so),
and nothing is pinned: when the last process that holds a link ends, however it ends, the link is gone.
"""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from faultbox.linux._call import libc, number_of, syscall
from faultbox.model.frozen import frozen
from faultbox.model.unfit import Unfit

OBJECTS = Path(__file__).parent.parent / "bpf_objects"
"""Where make puts what it builds from bpf/."""

TCX_INGRESS, TCX_EGRESS, SK_LOOKUP = 46, 47, 36
"""Attach types of links (enum bpf_attach_type). tcx: Linux 6.6; sk_lookup: 5.9."""

CGROUP_HOOKS = {
    "ingress": 0,
    "egress": 1,
    "bind4": 8,
    "bind6": 9,
    "connect4": 10,
    "connect6": 11,
    "sendmsg4": 14,
    "sendmsg6": 15,
    "recvmsg4": 19,
    "recvmsg6": 20,
    "getpeername4": 29,
    "getpeername6": 30,
}
"""Attach types of a cgroup's hooks on packets (4.10) and socket addresses (5.8), by what libbpf calls them."""

HASH, PERCPU_HASH, RING = 1, 5, 27
"""Types of maps (enum bpf_map_type). Rings: Linux 5.8."""
NO_PREALLOC = 1
"""Flag of `create`: memory for an element is taken when it comes."""

ANY, NOEXIST = 0, 1
"""Flags of `update`."""

_BPF = {"x86_64": 321, "aarch64": 280}
_MAP_CREATE, _MAP_LOOKUP, _MAP_UPDATE, _MAP_DELETE, _MAP_NEXT = 0, 1, 2, 3, 4
_GET_INFO, _RAW_TRACEPOINT_OPEN, _LINK_CREATE = 15, 17, 28
_ELEMENT = struct.Struct("=I4xQQQ")
"""union bpf_attr of the commands on map elements: map, key, value or next key, flags."""
_LINK = struct.Struct("=IIII48x")
"""union bpf_attr of BPF_LINK_CREATE: program, target (a descriptor or an interface's index), attach type, flags."""
_NEW_MAP = struct.Struct("=IIIII")
"""union bpf_attr of BPF_MAP_CREATE: type, sizes of a key and a value, how many there may be, flags."""
_TRACEPOINT = struct.Struct("=QI")
"""union bpf_attr of BPF_RAW_TRACEPOINT_OPEN: name (0 where the program itself has it), program."""
_INFO = struct.Struct("=IIQ")
"""union bpf_attr of BPF_OBJ_GET_INFO_BY_FD: the descriptor, size and address of what is filled in."""
_MISSES = struct.Struct("=208xQ")
"""struct bpf_prog_info up to recursion_misses (Linux 5.12)."""
_MAP_SIZES = struct.Struct("=8xII")
"""struct bpf_map_info up to value_size."""
_MAP_ID = struct.Struct("=4xI")
"""In the same, id."""
_SIZE = 64
_LIBBPF = "libbpf.so.1"
_PRINT = ctypes.CFUNCTYPE(ctypes.c_int, ctypes.c_int, ctypes.c_char_p, ctypes.c_void_p)
"""libbpf_print_fn_t: level, format, va_list (which the ABIs of our machines pass as a pointer)."""
_LOG_BYTES = 1 << 16


class NoBpf(Unfit):
    """BPF programs can't be loaded here. `advice` says what to do about it."""


@frozen
class Loaded:
    """The programs and maps of one object, by name, as descriptors. They live as long as this process, or its heirs."""

    programs: dict[str, int]
    maps: dict[str, int]


def load(name: str) -> Loaded:
    """Load `bpf_objects/<name>.bpf.o`, with every program in it. Raises NoBpf, where this host can't or may not."""
    path = OBJECTS / f"{name}.bpf.o"
    if not path.exists():
        raise NoBpf(f"{path} is missing", "build it with `make bpf`")
    library = _library()
    log: list[str] = []
    listen = _listener(log)
    library.libbpf_set_print(listen)
    handle = library.bpf_object__open_file(os.fsencode(path), None)
    if not handle:
        raise NoBpf(f"{path} can't be read ({os.strerror(ctypes.get_errno())})", "build it again: `make bpf`")
    try:
        failed = -library.bpf_object__load(handle)
        if failed:
            raise _refusal(path.name, failed, log)
        return Loaded(
            dict(_each(library, handle, "program", library.bpf_program__fd)),
            dict(_each(library, handle, "map", library.bpf_map__fd)),
        )
    finally:
        library.bpf_object__close(handle)
        library.libbpf_set_print(_PRINT())


def _listener(log: list[str]) -> Any:
    """What libbpf is to call with its warnings."""

    def say(level: int, text: bytes, arguments: int) -> int:
        if level == 0:
            buffer = ctypes.create_string_buffer(_LOG_BYTES)
            libc.vsnprintf(buffer, _LOG_BYTES, text, ctypes.c_void_p(arguments))
            log.extend(buffer.value.decode(errors="replace").splitlines())
        return 0

    return _PRINT(say)


def _refusal(name: str, code: int, log: list[str]) -> NoBpf:
    # The verifier's last word stands before its statistics; its refusal may be EACCES, like that of the rights to load.
    said = next((log[place - 1] for place, line in enumerate(log) if place and line.startswith("processed ")), "")
    if code in (errno.EPERM, errno.EACCES) and not said:
        return NoBpf(
            "this user may not load BPF programs",
            "run as root, or with the capabilities CAP_BPF, CAP_NET_ADMIN and CAP_PERFMON of the host itself",
        )
    if code == errno.ENOSYS:
        return NoBpf("this kernel has no bpf(2)", "use a kernel built with CONFIG_BPF_SYSCALL")
    if code == errno.ESRCH:
        advice = "use a kernel built with CONFIG_DEBUG_INFO_BTF; in a container, show it the host's /sys"
        return NoBpf("this kernel doesn't tell its types (/sys/kernel/btf/vmlinux)", advice)
    reason = f"the kernel refuses {name} ({os.strerror(code)}{': ' + said if said else ''})"
    return NoBpf(reason, "use Linux 5.19 or newer with CONFIG_CGROUP_BPF and CONFIG_NET_CLS_BPF")


def _library() -> Any:
    try:
        library = ctypes.CDLL(_LIBBPF, use_errno=True)
    except OSError:
        advice = "install it (Debian, Ubuntu: apt-get install libbpf1; Fedora: dnf install libbpf)"
        raise NoBpf(f"there is no {_LIBBPF}", advice) from None
    pointer = ctypes.c_void_p
    for name, result, arguments in (
        ("bpf_object__open_file", pointer, [ctypes.c_char_p, pointer]),
        ("bpf_object__load", ctypes.c_int, [pointer]),
        ("bpf_object__close", None, [pointer]),
        ("bpf_object__next_program", pointer, [pointer, pointer]),
        ("bpf_object__next_map", pointer, [pointer, pointer]),
        ("bpf_program__name", ctypes.c_char_p, [pointer]),
        ("bpf_program__fd", ctypes.c_int, [pointer]),
        ("bpf_map__name", ctypes.c_char_p, [pointer]),
        ("bpf_map__fd", ctypes.c_int, [pointer]),
        ("libbpf_set_print", pointer, [_PRINT]),
    ):
        function = getattr(library, name)
        function.restype, function.argtypes = result, arguments
    return library


def _each(library: Any, handle: int, kind: str, descriptor: Any) -> Iterator[tuple[str, int]]:
    """Name and descriptor of each program or map; ours to keep when the object is closed."""
    following, name_of = getattr(library, f"bpf_object__next_{kind}"), getattr(library, f"bpf_{kind}__name")
    item = following(handle, None)
    while item:
        yield name_of(item).decode(), os.dup(descriptor(item))
        item = following(handle, item)


def attach(program: int, target: int, kind: int) -> int:
    """A link, as a descriptor: the program runs while it is open. Raises OSError.

    `target`: the index of an interface of this network namespace for tcx, a descriptor of a network namespace for
    sk_lookup, of a cgroup directory for its hooks.
    """
    return _bpf(_LINK_CREATE, _LINK.pack(program, target, kind, 0))


def attach_tracing(program: int, name: str = "") -> int:
    """A link of a program of tracepoints: of BTF (5.5), which know their own, or raw ones (4.17). Raises OSError."""
    of_name = ctypes.create_string_buffer(name.encode()) if name else None
    return _bpf(_RAW_TRACEPOINT_OPEN, _TRACEPOINT.pack(0 if of_name is None else ctypes.addressof(of_name), program))


def missed(program: int) -> int:
    """How often a program was not run because it was running on that processor already."""
    info = ctypes.create_string_buffer(_MISSES.size)
    _bpf(_GET_INFO, _INFO.pack(program, _MISSES.size, ctypes.addressof(info)))
    return int(_MISSES.unpack(info.raw)[0])


def sizes(map_: int) -> tuple[int, int]:
    """Of a key and of a value."""
    info = ctypes.create_string_buffer(_MAP_SIZES.size)
    _bpf(_GET_INFO, _INFO.pack(map_, _MAP_SIZES.size, ctypes.addressof(info)))
    key, value = _MAP_SIZES.unpack(info.raw)
    return int(key), int(value)


def identity(map_: int) -> int:
    """The number that the kernel knows a map by: what a map of maps tells of those in it."""
    info = ctypes.create_string_buffer(_MAP_SIZES.size)
    _bpf(_GET_INFO, _INFO.pack(map_, _MAP_SIZES.size, ctypes.addressof(info)))
    return int(_MAP_ID.unpack_from(info)[0])


def create(kind: int, key: int, value: int, entries: int, flags: int = 0) -> int:
    """A map, as a descriptor, with the sizes of its keys and values (0 for a ring's). Raises OSError."""
    return _bpf(_MAP_CREATE, _NEW_MAP.pack(kind, key, value, entries, flags))


def processors() -> int:
    """How many there may ever be: a map per processor has a value for each, in multiples of 8 bytes."""
    ranges = Path("/sys/devices/system/cpu/possible").read_text(encoding="ascii").strip().split(",")
    return 1 + max(int(each.split("-")[-1]) for each in ranges)


def update(map_: int, key: bytes, value: bytes, flags: int = ANY) -> None:
    """Set an element. Raises OSError: EEXIST with NOEXIST, E2BIG where the map is full."""
    _element(_MAP_UPDATE, map_, key, value, flags)


def lookup(map_: int, key: bytes, size: int) -> bytes | None:
    """The value of a key (`size` bytes), None where there is none."""
    value = ctypes.create_string_buffer(size)
    try:
        _element(_MAP_LOOKUP, map_, key, value)
    except FileNotFoundError:
        return None
    return value.raw


def delete(map_: int, key: bytes) -> bool:
    """Remove an element; whether it was there."""
    try:
        _element(_MAP_DELETE, map_, key, None)
    except FileNotFoundError:
        return False
    return True


def keys(map_: int, size: int) -> list[bytes]:
    """The keys of a map, each of `size` bytes. What others remove meanwhile may make it start over."""
    found: list[bytes] = []
    key: bytes | None = None
    following = ctypes.create_string_buffer(size)
    while True:
        try:
            _element(_MAP_NEXT, map_, key, following)
        except FileNotFoundError:
            return list(dict.fromkeys(found))
        key = following.raw
        found.append(key)


def _element(command: int, map_: int, key: bytes | None, value: Any, flags: int = 0) -> None:
    of_key = None if key is None else ctypes.create_string_buffer(key, len(key))
    of_value = ctypes.create_string_buffer(value, len(value)) if isinstance(value, bytes) else value
    addresses = (0 if each is None else ctypes.addressof(each) for each in (of_key, of_value))
    _bpf(command, _ELEMENT.pack(map_, *addresses, flags))


def _bpf(command: int, attributes: bytes) -> int:
    buffer = ctypes.create_string_buffer(attributes.ljust(_SIZE, b"\0"), _SIZE)
    return syscall("bpf", number_of("bpf", _BPF), command, ctypes.addressof(buffer), _SIZE)
