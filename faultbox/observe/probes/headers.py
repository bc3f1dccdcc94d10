"""The kernel headers that bcc asks for, made by us: none of the host's packages need be there.

Its own text needs types and a few constants. A program that walks the kernel's structs needs exactly those of the
running kernel, which its BTF holds: with other headers it would compile, and read wrong data.

Runs under the system's Python, of any version from 3.8: standard library only.
"""

from __future__ import annotations

import ctypes
import os
import re
import shutil
from pathlib import Path
from typing import Any

_TYPES = """#ifndef FAULTBOX_TYPES_H
#define FAULTBOX_TYPES_H
typedef signed char __s8; typedef unsigned char __u8; typedef short __s16; typedef unsigned short __u16;
typedef int __s32; typedef unsigned int __u32; typedef long long __s64; typedef unsigned long long __u64;
typedef __s8 s8; typedef __u8 u8; typedef __s16 s16; typedef __u16 u16;
typedef __s32 s32; typedef __u32 u32; typedef __s64 s64; typedef __u64 u64;
typedef __u8 uint8_t; typedef __u16 uint16_t; typedef __u32 uint32_t; typedef __u64 uint64_t;
typedef __s8 int8_t; typedef __s16 int16_t; typedef __s32 int32_t; typedef __s64 int64_t;
typedef __u16 __be16, __le16, __sum16; typedef __u32 __be32, __le32, __wsum; typedef __u64 __be64, __le64;
typedef unsigned long uintptr_t, size_t, sector_t; typedef long ssize_t; typedef long long loff_t, time64_t;
typedef int pid_t, clockid_t, key_t; typedef unsigned int uid_t, gid_t, dev_t, gfp_t; typedef unsigned short umode_t;
typedef unsigned short sa_family_t; typedef _Bool bool;
#define true 1
#define false 0
#define NULL ((void *)0)
#define TASK_COMM_LEN 16
#define __aligned_u64 __u64 __attribute__((aligned(8)))
"""
_REGISTERS = {
    "x86_64": """struct pt_regs {
    unsigned long r15, r14, r13, r12, bp, bx, r11, r10, r9, r8, ax, cx, dx, si, di, orig_ax, ip, cs, flags, sp, ss;
};
""",
    "aarch64": """struct user_pt_regs { __u64 regs[31], sp, pc, pstate; };
struct pt_regs { __u64 regs[31], sp, pc, pstate, orig_x0; __s32 syscallno; __u32 unused; };
""",
}
_CONFIG = "#define CONFIG_BPF_SYSCALL 1\n#define CONFIG_CGROUP_BPF 1\n#define %s 1\n"
_CONFIGURED = {"x86_64": "CONFIG_X86_64", "aarch64": "CONFIG_ARM64"}
_ARCH = {"x86_64": "x86", "aarch64": "arm64"}
_INLINE = "#ifndef __always_inline\n#define __always_inline inline __attribute__((always_inline))\n#endif\n"
_FOR_BCC = (
    "linux/bpf_common.h", "linux/log2.h", "linux/bpf.h", "uapi/linux/bpf.h",
    "uapi/linux/if_packet.h", "uapi/linux/if_ether.h", "linux/if_packet.h", "linux/if_ether.h",
)  # fmt: skip
_OURS = ("linux/types.h", "uapi/linux/types.h", "asm/types.h", "linux/ptrace.h", "uapi/linux/ptrace.h")
"""What a program may include without meaning the kernel's own structs."""
_INCLUDE = re.compile(r"^\s*#\s*include\s*[<\"]([^>\"]+)[>\"]", re.MULTILINE)
_PRINTF = ctypes.CFUNCTYPE(None, ctypes.c_void_p, ctypes.c_char_p, ctypes.c_void_p)
"""btf_dump_printf_fn_t: context, format, va_list (which the ABIs of our machines pass as a pointer)."""
EXACT_FLAGS = ["-D_UAPI__LINUX_BPF_H__"]
"""With all of the kernel's types, bcc's own copy of the enums of BPF must stay out."""


def included(text: str) -> list[str]:
    """The headers that a program includes which only the running kernel's types can stand for."""
    return [each for each in _INCLUDE.findall(text) if each not in _OURS]


def write(directory: str, types: str = "", more: tuple[str, ...] = ()) -> str:
    """Make the tree that bcc is to take for the kernel's source; `types` is the text of all of the kernel's, if wanted.

    `more`: headers that programs include. Gives the directory.
    """
    machine = os.uname().machine
    version = [int(part) for part in re.findall(r"\d+", os.uname().release)[:3]] + [0, 0]
    code = (version[0] << 16) + (version[1] << 8) + min(version[2], 255)
    own = _TYPES + _INLINE + _REGISTERS[machine] + "#endif\n"
    exact = f"#ifndef FAULTBOX_TYPES_H\n#define FAULTBOX_TYPES_H\n{types}{_INLINE}#define NULL ((void *)0)\n#endif\n"
    files = dict.fromkeys((*_FOR_BCC, *_OURS[3:], *more), "#include <linux/types.h>\n" if types else "")
    files.update(dict.fromkeys(_OURS[1:], "#include <linux/types.h>\n"))
    files["linux/types.h"] = exact if types else own
    files["linux/kconfig.h"] = _CONFIG % _CONFIGURED[machine]
    files["asm/page.h"] = "#define PAGE_SIZE 4096\n"
    files["linux/version.h"] = (
        f"#define LINUX_VERSION_CODE {code}\n#define KERNEL_VERSION(a, b, c) (((a) << 16) + ((b) << 8) + (c))\n"
    )
    for name, text in files.items():
        path = Path(directory, "include", name)
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
    Path(directory, "arch", _ARCH[machine], "include").mkdir(parents=True, exist_ok=True)
    return directory


def of_this_kernel(cache: str) -> str:
    """The text of all types of the running kernel, kept in `cache` by the kernel's release. Raises OSError."""
    path = Path(cache, f"types-{os.uname().release}-{os.uname().machine}.h")
    if not path.exists():
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        made = path.with_suffix(f".{os.getpid()}")
        made.write_text(_dumped(), encoding="utf-8")
        made.replace(path)
    return path.read_text(encoding="utf-8")


def _dumped() -> str:
    """What `bpftool btf dump file /sys/kernel/btf/vmlinux format c` prints, but for its first and last lines."""
    libbpf: Any = ctypes.CDLL("libbpf.so.1", use_errno=True)
    libc: Any = ctypes.CDLL(None)
    for name in ("btf__load_vmlinux_btf", "btf_dump__new"):
        getattr(libbpf, name).restype = ctypes.c_void_p
    libbpf.btf__type_cnt.restype = ctypes.c_uint
    parts: list[bytes] = []
    buffer = ctypes.create_string_buffer(1 << 16)

    def take(_context: int, text: bytes, arguments: int) -> None:
        libc.vsnprintf(buffer, len(buffer), text, ctypes.c_void_p(arguments))
        parts.append(buffer.value)

    taking = _PRINTF(take)
    btf = libbpf.btf__load_vmlinux_btf()
    if not btf:
        raise OSError(ctypes.get_errno(), "this kernel has no type information (CONFIG_DEBUG_INFO_BTF)")
    dump = libbpf.btf_dump__new(ctypes.c_void_p(btf), taking, None, None)
    for number in range(1, libbpf.btf__type_cnt(ctypes.c_void_p(btf))):
        libbpf.btf_dump__dump_type(ctypes.c_void_p(dump), ctypes.c_uint(number))
    libbpf.btf_dump__free(ctypes.c_void_p(dump))
    libbpf.btf__free(ctypes.c_void_p(btf))
    return b"".join(parts).decode()


def remove(directory: str) -> None:
    """Remove a tree that `write` made."""
    shutil.rmtree(directory, ignore_errors=True)
