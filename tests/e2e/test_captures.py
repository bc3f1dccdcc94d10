"""`--pcap`: what was said at an edge, in the case's directory of the bundle, as other programs read it."""

from __future__ import annotations

import io
import json
import subprocess
import zipfile
from pathlib import Path

import dpkt
import pytest

pytestmark = [pytest.mark.root]

SPEC = """
db = echo("db", 5432)
api = web("api", 8080, depends_on = [db])
other = web("other", 8081, depends_on = [db])

def ask():
    return api.get(path = "/call?addr=" + db.main.addr)

def test_plain():
    assert_eq(ask().status, 200)

def test_made_up():
    assert_eq(fault(db.main, response(data = "*", body = "made up"), run = ask).status, 200)
    assert_eq(db.send(data = "from outside").body, "echo from outside")
"""


def captures(bundle: Path, case: str) -> dict[str, bytes]:
    """Name to content of a case's pcap files."""
    with zipfile.ZipFile(bundle) as archive:
        inside = [name for name in archive.namelist() if f"-{case}/pcap/" in name]
        return {name.rpartition("/")[2]: archive.read(name) for name in inside}


def said(content: bytes, port: int) -> tuple[bytes, bytes]:
    """What was said to the port, and what it said."""
    heard = {True: b"", False: b""}
    for _, packet in dpkt.pcap.Reader(io.BytesIO(content)):
        segment = dpkt.ip.IP(packet).data
        heard[segment.dport == port] += segment.data
    return heard[True], heard[False]


def test_what_callers_said_and_heard_is_in_the_bundle(tool, tmp_path: Path) -> None:
    outcome = tool.test(SPEC, "--pcap", "db.main")
    assert set(outcome.verdicts().values()) == {"passed"}, outcome
    bundle = Path(outcome.results["bundle"])
    plain, made_up = captures(bundle, "test_plain"), captures(bundle, "test_made_up")
    assert set(plain) == set(made_up) == {"api-db.main.pcap", "driver-db.main.pcap"}
    assert said(plain["driver-db.main.pcap"], 5432) == (b"", b"")  # readiness: it only connected
    question, answer = said(plain["api-db.main.pcap"], 5432)
    assert question
    assert answer.startswith(b"echo ")
    assert said(made_up["api-db.main.pcap"], 5432) == (question, b"made up")
    assert said(made_up["driver-db.main.pcap"], 5432) == (b"from outside\n", b"echo from outside\n")
    file = tmp_path / "api.pcap"
    file.write_bytes(made_up["api-db.main.pcap"])
    read = subprocess.run(["tcpdump", "-nn", "-v", "-A", "-r", file], capture_output=True, text=True, check=True)
    assert "made up" in read.stdout
    assert "incorrect" not in read.stdout


def test_an_unknown_interface_is_a_mistake_of_the_command_line(tool) -> None:
    outcome = tool.test(SPEC, "--pcap", "db.mian")
    assert outcome.code == 2
    said = outcome.out + outcome.err
    assert "did you mean 'db.main'?" in said
    assert "there are: db.main, api.http, other.http" in said


def test_without_the_flag_nothing_passes_a_proxy(tool) -> None:
    outcome = tool.test(SPEC, "--test", "plain")
    bundle = Path(outcome.results["bundle"])
    assert captures(bundle, "test_plain") == {}
    with zipfile.ZipFile(bundle) as archive:
        assert json.loads(archive.read("manifest.json"))["options"]["pcap"] == []
