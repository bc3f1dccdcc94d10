"""Where the functions of a probe run: "uprobe:/usr/sbin/redis-server:call"."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Any, Literal

from faultbox.model.topology import Attachment
from faultbox.spec.builtins import kinds, paths
from faultbox.spec.builtins.declare import Call
from faultbox.spec.builtins.values import nearest_name, show
from faultbox.spec.builtins.wrong import Wrong

ACCEPTED = (
    '"uprobe:SYMBOL" of the service\'s own program, "uprobe:/path/of/binary:SYMBOL", "uretprobe:" likewise, '
    '"usdt:NAME", "usdt:PROVIDER:NAME" or with the path before it, "tracepoint:CATEGORY:NAME", "raw_tracepoint:NAME"'
)
_KINDS: dict[str, Literal["tracepoint", "raw_tracepoint", "uprobe", "uretprobe", "usdt"]] = {
    "tracepoint": "tracepoint",
    "raw_tracepoint": "raw_tracepoint",
    "uprobe": "uprobe",
    "uretprobe": "uretprobe",
    "usdt": "usdt",
}
_PARTS = {"tracepoint": (2,), "raw_tracepoint": (1,), "uprobe": (1,), "uretprobe": (1,), "usdt": (1, 2)}
"""How many parts each takes after its kind and, where it has one, the binary."""
_OUTPUT = re.compile(r"\b(?:BPF_PERF_OUTPUT|BPF_RINGBUF_OUTPUT)\s*\(\s*(\w+)")
_FUNCTION = re.compile(r"\b(\w+)\s*\([^;{}()]*\)\s*\{")
_SELF_ATTACHED = re.compile(r"\b(?:RAW_)?TRACEPOINT_PROBE\s*\(|\b(?:raw_)?tracepoint__\w+\s*\(")
_COMMENT = re.compile(r"/\*.*?\*/|//[^\n]*", re.DOTALL)


def place(value: Any, label: str) -> Attachment:
    """where a function runs: "uprobe:SYMBOL", "uprobe:/path/of/binary:SYMBOL", "uretprobe:…", "usdt:NAME",
    "tracepoint:CATEGORY:NAME", "raw_tracepoint:NAME" """
    given = kinds.text(value, label)
    word, _, rest = given.partition(":")
    if word not in _KINDS:
        near = nearest_name(word, list(_KINDS))
        raise Wrong("UNKNOWN_VALUE", f"{label} can't be {show(given)}", accepted=ACCEPTED, nearest=near)
    parts = rest.split(":")
    binary = parts.pop(0) if "/" in parts[0] and "tracepoint" not in word else ""
    if len(parts) not in _PARTS[word] or not all(parts):
        raise Wrong("UNKNOWN_VALUE", f"{label} can't be {show(given)}", accepted=ACCEPTED)
    return Attachment("", _KINDS[word], ":".join(parts), binary)


def resolved(call: Call, function: str, where: Attachment) -> Attachment:
    """The attachment of a function, its binary an absolute path. Raises Wrong where there is no such file."""
    binary = where.binary
    if binary:
        found = paths.absolute(call.session, binary)
        if not found.is_file():
            message = f"attach: there is no binary {found}"
            raise Wrong("FILE_NOT_FOUND", message, nearest=paths.near(found), at="attach")
        binary = str(found)
    return Attachment(function, where.kind, where.symbol, binary)


def outputs(text: str, attached: Sequence[Attachment]) -> tuple[str, ...]:
    """What a program puts out by. Raises Wrong where that is nothing, nothing runs, or a function isn't there."""
    code = _COMMENT.sub(" ", text)
    found = tuple(dict.fromkeys(_OUTPUT.findall(code)))
    if not found:
        accepted = "BPF_PERF_OUTPUT(events); and events.perf_submit(ctx, &data, sizeof(data));"
        raise Wrong("NO_EFFECT", "the program puts nothing out, so there would be no events", accepted=accepted)
    functions = set(_FUNCTION.findall(code)) - {"if", "for", "while", "switch"}
    for each in attached:
        if each.function not in functions:
            near = nearest_name(each.function, sorted(functions))
            message = f"attach names {each.function!r}, which is no function of the program"
            accepted = ", ".join(sorted(functions))
            raise Wrong("UNKNOWN_VALUE", message, accepted=accepted, nearest=near, at="attach")
    if not attached and not _SELF_ATTACHED.search(code):
        message = "which function runs where? say it with attach={...}, or name it so: TRACEPOINT_PROBE(...)"
        raise Wrong("MISSING_ARGUMENT", message, accepted=ACCEPTED)
    return found
