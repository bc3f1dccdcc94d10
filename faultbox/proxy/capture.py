"""What was said at an edge, as a pcap file that Wireshark and tcpdump read.

The packets are made up: one for each piece as it was read or written, between the caller's port and the interface's,
with sequence numbers that fit, at 127.0.0.1 whatever the addresses were. The file shows what the caller said and heard,
decrypted where the proxy ends TLS, faults included.
"""

from __future__ import annotations

import socket
import time
from pathlib import Path
from typing import Any

from faultbox.model.message import Side

_RAW_IP = 101
"""LINKTYPE_RAW: packets begin with their IP header."""
_LARGEST = 65_535 - 40
_LOOPBACK = socket.inet_aton("127.0.0.1")
_FIN, _SYN, _RST, _PUSH, _ACK = 1, 2, 4, 8, 16


class Capture:
    """A pcap file that grows as things are said: what is in it is whole whenever the process ends.

    It is made when the first thing is said. What is said to a `port` is a request.
    """

    def __init__(self, path: Path, port: int) -> None:
        import dpkt  # now rather than while the first caller waits

        self._dpkt = dpkt
        self._path = path
        self._port = port
        self._writer: Any = None

    def flow(self, caller_port: int) -> Flow:
        """A connection begins."""
        return Flow(self, caller_port, self._port)

    def datagram(self, side: Side, caller_port: int, data: bytes) -> None:
        """Something was said without a connection."""
        source, target = (caller_port, self._port) if side == "request" else (self._port, caller_port)
        datagram = self._dpkt.udp.UDP(sport=source, dport=target, data=data)
        datagram.ulen = len(datagram)
        self.write(datagram, self._dpkt.ip.IP_PROTO_UDP)

    def write(self, segment: Any, protocol: int) -> None:
        packet = self._dpkt.ip.IP(src=_LOOPBACK, dst=_LOOPBACK, p=protocol, ttl=64, data=segment)
        packet.len = len(packet)
        if self._writer is None:
            file = self._path.open("wb", buffering=0)
            self._writer = self._dpkt.pcap.Writer(file, snaplen=1 << 18, linktype=_RAW_IP, nano=True)
        self._writer.writepkt(packet, ts=time.time())


class Flow:
    """One connection in a capture."""

    def __init__(self, capture: Capture, caller: int, service: int) -> None:
        self._capture = capture
        self._ports: dict[Side, tuple[int, int]] = {"request": (caller, service), "response": (service, caller)}
        self._next: dict[Side, int] = {"request": 0, "response": 0}
        self._over = False
        self._packet("request", _SYN)
        self._packet("response", _SYN | _ACK)
        self._packet("request", _ACK)

    def said(self, side: Side, data: bytes) -> None:
        for start in range(0, len(data), _LARGEST):
            self._packet(side, _PUSH | _ACK, data[start : start + _LARGEST])

    def ended(self, side: Side) -> None:
        """A half of the connection was closed."""
        self._packet(side, _FIN | _ACK)

    def reset(self) -> None:
        """The caller was sent a reset."""
        if not self._over:
            self._packet("response", _RST | _ACK)
            self._over = True

    def _packet(self, side: Side, flags: int, data: bytes = b"") -> None:
        import dpkt

        source, target = self._ports[side]
        other: Side = "response" if side == "request" else "request"
        segment = dpkt.tcp.TCP(
            sport=source,
            dport=target,
            seq=self._next[side],
            ack=self._next[other] if flags & _ACK else 0,
            flags=flags,
            win=65_535,
            data=data,
        )
        self._next[side] = (self._next[side] + len(data) + bool(flags & (_SYN | _FIN))) % (1 << 32)
        self._capture.write(segment, dpkt.ip.IP_PROTO_TCP)
