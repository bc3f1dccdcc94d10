"""A world's network: a namespace of its own with `lo`, or the one it was given."""

from __future__ import annotations

from faultbox.linux import namespaces

_SECOND_ADDRESS = "127.77.0.1"
"""glibc counts a host whose only address is 127.0.0.1 as one without IPv4, and resolves no name where a
program asks for IPv4 with AI_ADDRCONFIG (sysdeps/unix/sysv/linux/check_pf.c): any other address will do."""


def enter(netns: int | None) -> None:
    """Put this thread into a new network namespace, or into the one `netns` refers to, with `lo` up."""
    if netns is None:
        namespaces.unshare(namespaces.NEWNET)
        namespaces.loopback_up()
        namespaces.add_loopback_address(_SECOND_ADDRESS)
    else:
        namespaces.setns(netns, namespaces.NEWNET)
        namespaces.loopback_up()
