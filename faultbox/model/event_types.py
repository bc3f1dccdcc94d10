"""The types of events that there are, so that a filter which names none of them is not green for ever."""

from __future__ import annotations

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
