"""The types of events that there are, so that a filter which names none of them is not green for ever."""

from __future__ import annotations

from types import MappingProxyType

from faultbox.model.match import fits

OF_CASES = frozenset(
    {
        "step_send", "step_recv", "service_started", "service_ready", "service_exited", "service_detached",
        "service_restarted", "service_restart_failed", "fault_applied", "fault_removed", "severed",
        "partition_applied", "partition_removed", "print",
    }
)  # fmt: skip
"""What every case tells of its own life."""
LINES = frozenset({"stdout", "stderr"})
"""What services print."""
OF_PROXIES = frozenset({"proxy", "proxy_opened"})
"""What a proxy before an interface tells."""
WATCHED = frozenset({"file", "socket", "process"})
"""What only the kernel's own programs give."""
TYPES = OF_CASES | LINES | OF_PROXIES | WATCHED | {"syscall", "tail", "probe"}

OPS = MappingProxyType(
    {
        "file": ("open", "create", "write", "sync", "rename", "unlink", "truncate", "link"),
        "socket": ("connect", "accept", "refused", "reset", "close", "retransmit"),
        "process": ("fork", "exec", "exit"),
    }
)
"""What can have happened (the field `op`) in events of the kernel's own programs."""
_ALWAYS = ("type", "service", "seq", "op", "pid", "tid")
FIELDS = MappingProxyType(
    {
        "file": (*_ALWAYS, "path", "to", "bytes"),
        "socket": (*_ALWAYS, "local", "peer", "caller", "callee", "bytes_sent", "bytes_received", "lasted_ms"),
        "process": (*_ALWAYS, "parent", "path", "command", "code", "signal", "oom"),
    }
)
"""What a filter can ask of such events."""
CALL_FIELDS = frozenset(
    {
        *_ALWAYS, "syscall", "family", "path", "to", "fd", "kind", "peer", "size", "decision", "errno", "result",
        "took_us", "delay_ms", "rule", "label", "reason", "unfinished",
    }
)  # fmt: skip
"""What events of type `syscall` can have."""
ASKED_FOR = MappingProxyType({"syscall": CALL_FIELDS} | {kind: frozenset(fields) for kind, fields in FIELDS.items()})
"""The types of events that are there only where somebody asks for them, with the fields that they can have."""
OF_ALL = frozenset(
    {"type", "service", "seq", "time_ns", "data", "fields", "get", "happens_before", "happens_after", "concurrent_with"}
)
"""What specs can read of every event."""
SIGNALLED = frozenset({"process", "service_exited"})
"""Types of events whose field `signal` is a signal's number."""

ELSEWHERE = frozenset(
    {
        "service_seed", "service_reset", "client_call", "client_return", "contract_violation", "fault_zero_traffic",
        "fault_skipped_no_seccomp", "trace_applied", "trace_removed", "unmediated_io", "packet", "packet_*", "proxy_*",
        "mock.*", "partition_leaked", "bandwidth_applied", "bandwidth_stats", "mtu_applied", "file_io", "fs_*",
        "watch_started", "watch_stopped", "vacuous_property", "supervisor_exited", "violation", "wal", "wal_stream",
        "topic", "poll",
    }
)  # fmt: skip
"""What the Go tool of our name gives and we don't, as patterns: specs that were written for it load."""


def known(pattern: str) -> bool:
    """Whether events can come whose type a filter describes so; "" is a filter for none."""
    return any(fits(each, pattern) for each in TYPES)


def known_elsewhere(pattern: str) -> bool:
    """As `known`, of the Go tool's events."""
    return any(fits(pattern, each) or fits(each, pattern) for each in ELSEWHERE)
