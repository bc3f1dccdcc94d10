"""What a pcap file of an edge says, read by somebody else."""

from __future__ import annotations

import mmap
import shutil
import socket
import subprocess
import threading
from pathlib import Path

import dpkt
import pytest

from faultbox import proxy
from faultbox.model.message import Edge, MessageRuleSet
from faultbox.proxy.playbook import a_rule

LARGE = b"x" * 100_000


@pytest.fixture
def captured(tmp_path: Path) -> Path:
    """A connection on which something was asked, answered by a rule, asked, answered at length and ended."""

    def serve() -> None:
        connection, _ = service.accept()
        with connection:
            connection.recv(100)
            connection.sendall(LARGE)

    service = socket.create_server(("127.0.0.1", 0))
    edge = Edge("api", "db", "main", "tcp", service.getsockname()[1])
    path = tmp_path / "edge.pcap"
    thread = threading.Thread(target=serve)
    thread.start()
    process = proxy.serve([edge], seed=1, counters=mmap.mmap(-1, 4096), captures={edge: path})
    process.swap(MessageRuleSet((a_rule("response", match={"data": "no*"}, body="injected", protocol="tcp"),), 1))
    with socket.create_connection(("127.0.0.1", process.listener(edge).port), timeout=20) as caller:
        caller.sendall(b"no way")
        assert caller.recv(100) == b"injected"
        caller.sendall(b"please")
        got = b""
        while data := caller.recv(65536):
            got += data
        assert got == LARGE
    thread.join()
    process.close()
    service.close()
    return path


def test_both_sides_are_there_as_the_caller_saw_them(captured: Path) -> None:
    with captured.open("rb") as file:
        packets = [dpkt.ip.IP(packet).data for _, packet in dpkt.pcap.Reader(file)]
    port = packets[0].sport
    assert [packet.flags for packet in packets[:3]] == [
        dpkt.tcp.TH_SYN,
        dpkt.tcp.TH_SYN | dpkt.tcp.TH_ACK,
        dpkt.tcp.TH_ACK,
    ]
    said = {True: b"", False: b""}
    expected = {True: 0, False: 0}
    for packet in packets:
        mine = packet.sport == port
        assert packet.seq == expected[mine]
        expected[mine] += len(packet.data) + bool(packet.flags & (dpkt.tcp.TH_SYN | dpkt.tcp.TH_FIN))
        said[mine] += packet.data
    assert said == {True: b"no wayplease", False: b"injected" + LARGE}


def test_tcpdump_reads_it(captured: Path) -> None:
    if shutil.which("tcpdump") is None:
        pytest.skip("tcpdump is not installed")
    read = subprocess.run(["tcpdump", "-nn", "-v", "-r", captured], capture_output=True, text=True, check=True)
    assert "incorrect" not in read.stdout


def test_datagrams_too(tmp_path: Path) -> None:
    path = tmp_path / "edge.pcap"
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as service, mmap.mmap(-1, 4096) as counters:
        service.bind(("127.0.0.1", 0))
        service.settimeout(20)
        port = service.getsockname()[1]
        edge = Edge("api", "dns", "main", "udp", port)
        process = proxy.serve([edge], seed=1, counters=counters, captures={edge: path})
        assert not path.exists()
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as caller:
            caller.settimeout(20)
            caller.connect(("127.0.0.1", process.listener(edge).port))
            caller.send(b"who?")
            data, address = service.recvfrom(100)
            service.sendto(b"me", address)
            assert (data, caller.recv(100)) == (b"who?", b"me")
            mine = caller.getsockname()[1]
        process.close()
    with path.open("rb") as file:
        packets = [dpkt.ip.IP(packet).data for _, packet in dpkt.pcap.Reader(file)]
    assert [(each.sport, each.dport, each.data) for each in packets] == [(mine, port, b"who?"), (port, mine, b"me")]
    read = subprocess.run(["tcpdump", "-nn", "-v", "-r", path], capture_output=True, text=True, check=True)
    assert "bad" not in read.stdout
