"""Probes that a program's authors have built in (USDT, Systemtap's SDT): where they are, and what their arguments are.

bcc finds them; it attaches to those with a semaphore only in a process that runs already. The kernel raises the
semaphore itself where the uprobe says where it is (Linux 4.20), in every process to come.

Runs under the system's Python, of any version from 3.8: standard library only.
"""

from __future__ import annotations

import ctypes
import os
import struct
from pathlib import Path
from typing import Any

_PAGE = 0xFFF
_UPROBES = "/sys/bus/event_source/devices/uprobe/type"
_PERF_EVENT_OPEN = {"x86_64": 298, "aarch64": 241}
_SET_BPF, _ENABLE = 0x40042408, 0x2400
"""ioctls of perf events: PERF_EVENT_IOC_SET_BPF, PERF_EVENT_IOC_ENABLE."""
_ATTR = struct.Struct("=IIQQQQQIIQQ")
"""perf_event_attr: type, size, config, 4 words that say nothing of BPF's, 2 half ones, config1, config2."""
_ATTR_SIZE = 112
_CLOEXEC = 8


class Absent(Exception):
    """The binary has no such probe; `names` are those that it has."""

    def __init__(self, names: list[str]) -> None:
        self.names = names
        super().__init__(", ".join(names))


def find(bcc: Any, binary: str, symbol: str) -> Any:
    """The probe `name` or `provider:name` of a binary, as bcc's USDTProbe. Raises Absent."""
    provider, _, name = symbol.rpartition(":")
    try:
        context = bcc.USDT(path=binary)
        probes = list(context.enumerate_probes())
    except Exception as error:
        raise Absent([]) from error
    for each in probes:
        if each.name.decode() == name.replace("-", "__") and provider in ("", each.provider.decode()):
            each.kept = context  # its C++ object goes with it
            return each
    raise Absent(sorted({each.name.decode() for each in probes}))


def readers(function: str, probe: Any) -> str:
    """The functions that bcc calls for bpf_usdt_readarg() in a function: one an argument that can be read."""
    return "".join(_reader(function, probe, number) for number in range(probe.num_arguments))


def _reader(function: str, probe: Any, number: int) -> str:
    arms = []
    locations = [probe.get_location(index) for index in range(probe.num_locations)]
    for location in locations:
        value = _value(location.get_argument(number))
        if value is None:
            return ""
        here = f"(PT_REGS_IP(ctx) & {_PAGE}) == {location.address & _PAGE}" if len(locations) > 1 else "1"
        arms.append(f"if ({here}) {{ {value} }} ")
    pages = {location.address & _PAGE for location in locations}
    if len(pages) != len(locations):
        return ""
    return (
        f"static inline __attribute__((always_inline)) int _bpf_readarg_{function}_{number + 1}"
        "(struct pt_regs *ctx, void *dest, size_t len) { s64 v = 0; "
        + "else ".join(arms)
        + "if (len == 8) *(s64 *)dest = v; else if (len == 4) *(s32 *)dest = v; "
        "else if (len == 2) *(s16 *)dest = v; else if (len == 1) *(s8 *)dest = v; else return -1; return 0; }\n"
    )


def _value(argument: Any) -> str | None:
    """C that puts an argument into `v`; None for one that is somewhere this does not know of."""
    size = abs(argument.size)
    sign = "s" if getattr(argument, "signed", argument.size < 0) else "u"
    if hasattr(argument, "constant"):
        return f"v = {argument.constant}LL;"
    base = getattr(argument, "base_register_name", b"").decode()
    if not base or hasattr(argument, "deref_ident") or size not in (1, 2, 4, 8):
        return None
    if not hasattr(argument, "deref_offset"):
        return f"v = ({sign}{size * 8})ctx->{base};"
    at = f"ctx->{base} + ({argument.deref_offset})"
    if hasattr(argument, "index_register_name"):
        at += f" + ctx->{argument.index_register_name.decode()} * {getattr(argument, 'scale', 1)}"
    return f"{sign}{size * 8} r = 0; bpf_probe_read_user(&r, sizeof(r), (void *)({at})); v = r;"


def attach(binary: str, probe: Any, program: int) -> list[int]:
    """Run a program wherever the probe is. Gives perf events, which hold it. Raises OSError."""
    places = _segments(binary)
    semaphore = _offset(places, probe.semaphore) if probe.semaphore else 0
    return [
        _uprobe(binary, _offset(places, probe.get_location(index).address), semaphore, program)
        for index in range(probe.num_locations)
    ]


def _uprobe(binary: str, offset: int, semaphore: int, program: int) -> int:
    """A perf event of the uprobe PMU (Linux 4.17): config: the semaphore, config1: the path, config2: where."""
    libc = ctypes.CDLL(None, use_errno=True)
    kind = int(Path(_UPROBES).read_text(encoding="ascii"))
    path = ctypes.create_string_buffer(os.fsencode(binary))
    attr = ctypes.create_string_buffer(_ATTR_SIZE)
    _ATTR.pack_into(attr, 0, kind, _ATTR_SIZE, semaphore << 32, 1, 0, 0, 0, 0, 0, ctypes.addressof(path), offset)
    number = _PERF_EVENT_OPEN[os.uname().machine]
    event = libc.syscall(ctypes.c_long(number), attr, -1, 0, -1, ctypes.c_ulong(_CLOEXEC))
    if event < 0:
        raise OSError(ctypes.get_errno(), f"no uprobe at {offset:#x} of {binary}")
    for request, argument in ((_SET_BPF, program), (_ENABLE, 0)):
        if libc.ioctl(event, ctypes.c_ulong(request), argument) < 0:
            raise OSError(ctypes.get_errno(), f"no program at {offset:#x} of {binary}")
    return int(event)


def _segments(binary: str) -> list[tuple[int, int, int]]:
    """What a 64-bit ELF file has mapped: address, offset in the file, length (elf(5), PT_LOAD)."""
    with Path(binary).open("rb") as file:
        head = file.read(64)
        start, size, count = struct.unpack_from("<Q", head, 32)[0], *struct.unpack_from("<HH", head, 54)
        file.seek(start)
        table = file.read(size * count)
    found = []
    for index in range(count):
        kind, _flags, offset, address, _physical, length = struct.unpack_from("<IIQQQQ", table, index * size)
        if kind == 1:
            found.append((address, offset, length))
    return found


def _offset(segments: list[tuple[int, int, int]], address: int) -> int:
    for start, offset, length in segments:
        if start <= address < start + length:
            return address - start + offset
    raise OSError(22, f"address {address:#x} is in no segment of the file")
