"""Compiles probes with bcc, attaches them, and holds them until whoever started this has gone.

Run as a script by the system's Python, of any version from 3.8, since bcc is a package of the system: standard
library and bcc only. Standard input is the request, as JSON; the answers, one JSON a packet, go over the socket that
is the first argument. The second is the parent's pid.

Request: {"level", "cache", "tree", "probes": [{"text", "origin", "outputs", "attach": [ATTACHMENT]}]}, where ATTACHMENT
is {"function", "kind", "symbol", "binary"}. Answer to each probe: {"fields": {output: ["name#type"]}} with descriptors
of two maps, rings and lost, and of its programs; or one answer, {"failed", "advice"}.
"""

from __future__ import annotations

import array
import ctypes
import difflib
import importlib
import json
import os
import re
import signal
import socket
import sys
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).resolve().parent))
headers: Any = importlib.import_module("headers")
usdt: Any = importlib.import_module("usdt")

_PDEATHSIG, _NEWNS, _PRIVATE, _REC = 1, 0x20000, 1 << 18, 1 << 14
_TRACEFS = "/sys/kernel/tracing"
_LINE = re.compile(r"(?:/virtual/)?main\.c:(\d+)(?::\d+)?")
_INSTRUCTION = re.compile(r"\d+: |processed \d+ insns|from \d+ to ")
"""What a verifier's log consists of, beside the program's lines and what is wrong with them."""
_SAID = 3
"""Lines of a verifier's complaint that are passed on."""
_INSTALL = "install it as root: apt-get install python3-bpfcc (it must be importable for {0})"
_libc: Any = ctypes.CDLL(None, use_errno=True)


class Refused(Exception):
    """A probe can't be had. `advice` says what to do."""

    def __init__(self, reason: str, advice: str) -> None:
        self.reason = reason
        self.advice = advice
        super().__init__(reason)


def main() -> None:
    end, parent = socket.socket(fileno=int(sys.argv[1])), int(sys.argv[2])
    _libc.prctl(_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        return
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)
    request = json.load(sys.stdin)
    try:
        bcc = _bcc(request["tree"])
        made = [Made(bcc, each, request) for each in request["probes"]]
    except Refused as refused:
        _answer(end, {"failed": refused.reason, "advice": refused.advice}, [])
        return
    finally:
        headers.remove(request["tree"])
    for each in made:
        _answer(end, {"fields": each.fields()}, each.descriptors())
    end.recv(1)  # until the other end is closed, or its process is gone


def _answer(end: socket.socket, body: dict[str, Any], fds: list[int]) -> None:
    rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))] if fds else []
    end.sendmsg([json.dumps(body).encode()], rights)


def _bcc(tree: str) -> Any:
    """The module, which looks for the tracing file system and the kernel's source when it is imported or used."""
    missing = not Path(_TRACEFS, "events").is_dir()
    if missing and not _libc.unshare(_NEWNS) and not _libc.mount(b"none", b"/", None, _PRIVATE | _REC, None):
        _libc.mount(b"tracefs", _TRACEFS.encode(), b"tracefs", 0, None)  # for us alone
    os.environ["BCC_KERNEL_SOURCE"] = tree
    try:
        return importlib.import_module("bcc")
    except (ImportError, OSError) as error:
        raise Refused(f"bcc can't be used ({error})", _INSTALL.format(sys.executable)) from error


class Made:
    """One probe, compiled and attached."""

    def __init__(self, bcc: Any, probe: dict[str, Any], request: dict[str, Any]) -> None:
        self._bcc = bcc
        self._probe = probe
        self._origin = probe["origin"]
        self._events: list[int] = []
        self._lines = 0
        self._usdt = [self._found(each) for each in probe["attach"] if each["kind"] == "usdt"]
        flags = [f"-DFAULTBOX_LEVEL={request['level']}", "-w", *self._headers(request)]
        self._bpf = self._quietly(lambda: bcc.BPF(text=self._text(), cflags=flags), "compiled and loaded")
        for each in probe["attach"]:
            self._attach(each)

    def descriptors(self) -> list[int]:
        maps = [self._bpf[name].map_fd for name in ("faultbox_rings", "faultbox_lost")]
        return [*maps, *(each.fd for each in self._bpf.funcs.values())]

    def fields(self) -> dict[str, list[str]]:
        """Of each output that something is put into, the struct's fields as bcc found them."""
        lib, found = importlib.import_module("bcc.libbcc").lib, {}
        for each in self._probe["outputs"]:
            name = each.encode()
            count = lib.bpf_perf_event_fields(self._bpf.module, name)
            found[each] = [lib.bpf_perf_event_field(self._bpf.module, name, index).decode() for index in range(count)]
        return found

    def _headers(self, request: dict[str, Any]) -> list[str]:
        """Make the headers that this program needs; the flags for them."""
        more = tuple(headers.included(self._probe["text"]))
        try:
            types = headers.of_this_kernel(request["cache"]) if more else ""
        except OSError as error:
            advice = f"leave out #include <{more[0]}>, or use a kernel built with CONFIG_DEBUG_INFO_BTF, and libbpf1"
            raise Refused(f"{self._origin} needs the kernel's own types: {error}", advice) from error
        headers.write(request["tree"], types, more)
        return list(headers.EXACT_FLAGS) if more else []

    # -- the text

    def _text(self) -> str:
        prelude = self._prelude()
        self._lines = prelude.count("\n")
        text: str = self._probe["text"]
        for number, name in enumerate(self._probe["outputs"], 1):
            # A cast tells one output from another after bcc has put calls of helpers in their place.
            methods = rf"\b({name}\s*\.\s*(?:perf_submit|ringbuf_output|ringbuf_submit|ringbuf_discard)\s*\()"
            text = re.sub(methods, rf"\1(faultbox_output_{number}) ", text)
        return prelude + text

    def _prelude(self) -> str:
        numbers = range(1, len(self._probe["outputs"]) + 1)
        types = "".join(f"typedef struct faultbox_output_{n}_ *faultbox_output_{n};\n" for n in numbers)
        arms = ", ".join(f"faultbox_output_{n}: {n}" for n in numbers)
        text = Path(__file__).with_name("prelude.h").read_text(encoding="utf-8")
        functions = [(each["function"], found) for each, found in self._usdt]
        readers = "".join(usdt.readers(function, found) for function, found in functions)
        return f"{text}{types}#define FAULTBOX_OUTPUT(x) _Generic((x), {arms})\n{readers}"

    # -- where it runs

    def _found(self, attachment: dict[str, str]) -> tuple[dict[str, str], Any]:
        binary, symbol = attachment["binary"], attachment["symbol"]
        try:
            return attachment, usdt.find(self._bcc, binary, symbol)
        except usdt.Absent as absent:
            raise self._no_symbol("USDT probe", symbol, binary, absent.names) from absent

    def _attach(self, attachment: dict[str, str]) -> None:
        kind, symbol, binary = (attachment[each] for each in ("kind", "symbol", "binary"))
        function, bpf = attachment["function"], self._bpf
        if kind == "usdt":
            self._attach_usdt(attachment)
        elif kind in ("uprobe", "uretprobe"):
            attach = bpf.attach_uprobe if kind == "uprobe" else bpf.attach_uretprobe
            self._quietly(lambda: bpf.load_func(function, self._bcc.BPF.KPROBE), "loaded")
            try:
                attach(name=binary, sym=symbol, fn_name=function)
            except Exception as error:
                raise self._no_symbol("function", symbol, binary, self._functions(binary), str(error)) from error
        else:
            attach = bpf.attach_tracepoint if kind == "tracepoint" else bpf.attach_raw_tracepoint
            self._quietly(lambda: attach(tp=symbol, fn_name=function), f"attached to {kind} {symbol}")

    def _attach_usdt(self, attachment: dict[str, str]) -> None:
        found = next(found for each, found in self._usdt if each is attachment)
        program = self._quietly(lambda: self._bpf.load_func(attachment["function"], self._bcc.BPF.KPROBE), "loaded")
        try:
            self._events += usdt.attach(attachment["binary"], found, program.fd)
        except OSError as error:
            raise Refused(
                f"{self._origin} can't be attached: {error}", "use Linux 4.20 or newer, with uprobes"
            ) from error

    def _functions(self, binary: str) -> list[str]:
        try:
            return sorted({each.decode() for each in self._bcc.BPF.get_user_functions(binary, b".*")})
        except Exception:  # noqa: BLE001 - bcc raises nothing finer; without names there is no advice
            return []

    def _no_symbol(self, what: str, symbol: str, binary: str, names: list[str], said: str = "") -> Refused:
        near = difflib.get_close_matches(symbol.rpartition(":")[2], names, 3)
        advice = f"did you mean {' or '.join(near)}?" if near else ""
        if not near:
            shown = f"{len(names)} of them: {', '.join(names[:12])}" if names else "none that can be seen"
            advice = f"it has {shown}; a stripped binary shows only what it exports"
        reason = f"{binary} has no {what} {symbol}" if not names or symbol not in names else said
        return Refused(f"{self._origin} can't be attached: {reason}", advice)

    # -- what goes wrong

    def _quietly(self, work: Any, what: str) -> Any:
        """Do something that says on standard error why it fails, and raise that. Raises Refused."""
        pipe = os.memfd_create("said")
        before = os.dup(2)
        os.dup2(pipe, 2)
        try:
            return work()
        except Exception as error:
            os.lseek(pipe, 0, os.SEEK_SET)
            said = os.read(pipe, 1 << 20).decode(errors="replace")
            raise Refused(
                f"{self._origin} can't be {what}: {self._short(said) or error}", self._advice(said)
            ) from error
        finally:
            os.dup2(before, 2)
            os.close(before)
            os.close(pipe)

    def _short(self, said: str) -> str:
        """The lines that matter, those of the program numbered as its author sees them."""
        lines = [each for each in said.splitlines() if each.strip()]
        errors = [index for index, each in enumerate(lines) if ": error:" in each or ": fatal error:" in each]
        told = [each for each in lines if not _INSTRUCTION.match(each)]
        chosen = lines[errors[0] : errors[0] + 2] if errors else told[-_SAID:]
        return "; ".join(_LINE.sub(self._placed, each.strip()) for each in chosen)

    def _placed(self, found: re.Match[str]) -> str:
        return f"line {int(found[1]) - self._lines}"

    def _advice(self, said: str) -> str:
        if os.geteuid() != 0:
            return "run as root"
        if ": error:" in said or ": fatal error:" in said:
            return "mend the program: it is C as bcc compiles it"
        return "see what the kernel says of it; `faultbox doctor` shows whether probes work here at all"


if __name__ == "__main__":
    main()
