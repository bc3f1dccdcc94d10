"""Proxies: what stands between a caller and a service where message rules may act.

`conversation.py` is the core, without sockets; a protocol's part of it is in `protocols/<name>/`.
"""
