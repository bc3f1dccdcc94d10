"""Putting programs where packets and sockets pass; all that is put there goes with this process."""

from __future__ import annotations

import os
import socket
from pathlib import Path

from faultbox.linux import bpf
from faultbox.network.handle import Handle

_LOOPBACK = 1
"""The index of `lo`, in every network namespace."""


def on_loopback(egress: int, ingress: int) -> Handle:
    """Run a program on each packet that leaves for `lo` and on each that arrives from it. Raises OSError."""
    handle = Handle()
    for program, kind in ((egress, bpf.TCX_EGRESS), (ingress, bpf.TCX_INGRESS)):
        _link(handle, program, _LOOPBACK, kind)
    return handle


def on_lookup(program: int) -> Handle:
    """Run a program when this network namespace looks for the listener of a new connection. Raises OSError."""
    handle = Handle()
    netns = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        _link(handle, program, netns, bpf.SK_LOOKUP)
    finally:
        os.close(netns)
    return handle


def _link(handle: Handle, program: int, target: int, kind: int) -> None:
    try:
        link = bpf.attach(program, target, kind)
    except OSError:
        handle.close()
        raise
    handle.also(lambda: os.close(link))
