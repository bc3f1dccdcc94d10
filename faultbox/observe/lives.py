"""How processes come, become another program, and end."""

from __future__ import annotations

import os

from faultbox.model.event import Event
from faultbox.observe import layout
from faultbox.observe.calls import Head

_OPS = {layout.Kind.FORKED: "fork", layout.Kind.EXECED: "exec", layout.Kind.EXITED: "exit"}
_AT = layout.RECORD.size
_TEXTS = _AT + layout.LIFE_RECORD.size


def decode(service: str, head: Head, record: bytes) -> Event:
    """`code` or `signal` say how a process ended; `oom` that it was killed for want of memory."""
    time_ns, pid, tid, kind, _, first, second = head
    parent, status, oom = layout.LIFE_RECORD.unpack_from(record, _AT)
    fields = {"op": _OPS[layout.Kind(kind)], "pid": str(pid), "tid": str(tid), "parent": str(parent)}
    if kind == layout.Kind.EXECED:
        length = first & ~layout.CUT
        fields["path"] = layout.text(record[_TEXTS:], first)
        fields["command"] = _command(record[_TEXTS + length :], second)
    elif kind == layout.Kind.EXITED:
        fields |= _ending(status)
        fields |= {"oom": "true"} if oom else {}
    return Event(time_ns, "process", service, fields)


def _command(data: bytes, length: int) -> str:
    """The arguments as a shell would take them, as far as they are known; an end that is missing shows as "…"."""
    import shlex

    words = data[: length & ~layout.CUT].rstrip(b"\0").split(b"\0")
    said = shlex.join(os.fsdecode(word) for word in words)
    return f"{said}…" if length & layout.CUT else said


def _ending(status: int) -> dict[str, str]:
    code = os.waitstatus_to_exitcode(status & 0xFFFF)
    return {"code": str(code)} if code >= 0 else {"signal": str(-code)}
