"""A world's network: a namespace of its own with `lo`, or the one it was given."""

from __future__ import annotations

from faultbox.linux import namespaces


def enter(netns: int | None) -> None:
    """Put this thread into a new network namespace, or into the one `netns` refers to, with `lo` up."""
    if netns is None:
        namespaces.unshare(namespaces.NEWNET)
    else:
        namespaces.setns(netns, namespaces.NEWNET)
    namespaces.loopback_up()
