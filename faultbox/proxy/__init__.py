"""Proxies: what stands between a caller and a service where message rules may act.

`conversation.py` is the core, without sockets; a protocol's part of it is in `protocols/<name>/`.
`pump.py` gives it sockets, `edge.py` is the process of all proxies of a world, `client.py` its
handle in the world's process.
"""

from faultbox.proxy.certificates import Authority
from faultbox.proxy.client import EdgeProcess, Listener, serve
from faultbox.proxy.counting import Report
from faultbox.proxy.traffic import Traffic

__all__ = ["Authority", "EdgeProcess", "Listener", "Report", "Traffic", "serve"]
