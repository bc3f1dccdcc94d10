"""Putting programs where packets and sockets pass."""

from __future__ import annotations

import errno
import os
from collections.abc import Mapping
from functools import partial
from pathlib import Path

from faultbox.linux import bpf, tc
from faultbox.network.handle import Handle

_LOOPBACK = 1
"""The index of `lo`, in every network namespace."""
_NAME = "faultbox/steer"
_PRIORITY = 1


def on_loopback(egress: int, ingress: int, *, own_netns: bool) -> Handle:
    """Run a program on each packet that leaves for this namespace's `lo`, one on each that arrives. Raises OSError.

    In a namespace of our own they are filters of tc, which end with it: that takes 1 ms. Attaching by tcx waits twice
    for every processor (20 ms, and 40 to detach, with all network configuration of the host locked out meanwhile), but
    ends with this process: it serves namespaces that others made, from Linux 6.6 on.
    """
    if own_netns:
        return _by_tc(egress, ingress)
    try:
        return _linked((egress, _LOOPBACK, bpf.TCX_EGRESS), (ingress, _LOOPBACK, bpf.TCX_INGRESS))
    except OSError as error:
        if error.errno != errno.EINVAL:
            raise
    return _by_tc(egress, ingress)


def on_lookup(program: int) -> Handle:
    """Run a program when this network namespace looks for the listener of a new connection. Raises OSError."""
    netns = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        return _linked((program, netns, bpf.SK_LOOKUP))
    finally:
        os.close(netns)


def on_cgroup(directory: Path, programs: Mapping[str, int]) -> Handle:
    """Run each program at the hook it is named after, for the processes in and below a cgroup. Raises OSError."""
    place = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        return _linked(*((program, place, bpf.CGROUP_HOOKS[hook]) for hook, program in programs.items()))
    finally:
        os.close(place)


def _linked(*links: tuple[int, int, int]) -> Handle:
    """Links of (program, target, attach type), which end with this process."""
    handle = Handle()
    try:
        for link in links:
            descriptor = bpf.attach(*link)
            handle.also(partial(os.close, descriptor))
    except OSError:
        handle.close()
        raise
    return handle


def _by_tc(egress: int, ingress: int) -> Handle:
    handle = Handle()
    try:
        try:
            tc.add_clsact(_LOOPBACK)
            handle.also(partial(tc.remove_clsact, _LOOPBACK))
        except FileExistsError:  # whoever made it keeps it
            pass
        for side, program in ((tc.EGRESS, egress), (tc.INGRESS, ingress)):
            tc.add_filter(_LOOPBACK, side, program, _NAME, _PRIORITY)
            handle.also(partial(tc.remove_filter, _LOOPBACK, side, _PRIORITY))
    except OSError:
        handle.close()
        raise
    return handle
