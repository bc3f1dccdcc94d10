"""Cutting TCP connections that exist, as a peer's crash would."""

from __future__ import annotations

from collections.abc import Collection

from faultbox.linux import sockdiag


def sever(ports: Collection[int], *, address: str | None = None, spare_local_ports: Collection[int] = ()) -> int:
    """Cut the connections to these ports of the calling thread's network namespace; gives how many there were.

    The server's end is destroyed, so its client reads ECONNRESET; a client's end whose server's is
    gone or elsewhere is destroyed itself (ECONNABORTED). Connections whose client has one of
    `spare_local_ports`, the driver's, are left alone. `address` narrows to servers at that IP address. Raises OSError.
    """
    cut = set()
    for end in sockdiag.connections():
        here = address in (None, str(end.local_address))
        if here and end.local_port in ports and end.remote_port not in spare_local_ports and sockdiag.destroy(end):
            cut.add((end.remote_port, end.local_port))
    for end in sockdiag.connections():
        there = address in (None, str(end.remote_address))
        if there and end.remote_port in ports and end.local_port not in spare_local_ports and sockdiag.destroy(end):
            cut.add((end.local_port, end.remote_port))
    return len(cut)
