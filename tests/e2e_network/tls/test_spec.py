"""Specs with TLS, as a user runs them: who is trusted in a world, and what becomes of a case where somebody isn't."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from faultbox import proxy

SPEC = """
back = service("back", "{python}", interface("main", "http", 8443, tls = tls_cert(ca = "home.pem")),
    args = ["backend.py", "8443", "cert.pem", "key.pem"], cwd = ".", healthcheck = http("https://localhost:8443/up"))
api = service("api", "{python}", interface("main", "http", 8080), args = ["caller.py"], cwd = ".", depends_on = [back])

def call():
    return api.get(path = "/named").body

def direct():
    return back.get(path = "/data")

scenario(call)
scenario(direct)
broken = fault_assumption("broken", target = back.main, rules = [error(path = "/data", status = 503)])
expired = fault_assumption("expired", target = back.main, rules = [error(tls = "expired")])

fault_scenario("same", scenario = call, faults = broken, expect = lambda said: assert_eq(said, "503"))
fault_scenario("old", scenario = call, faults = expired, expect = lambda said: assert_true("has expired" in said, said))
fault_scenario("step", scenario = direct, faults = expired,
    expect = lambda found: assert_eq(found.error, "TLS: certificate verify failed: certificate has expired"))

def asked(how):
    return fault(back.main, error(path = "/elsewhere"), run = lambda: api.get(path = how).body)

def test_trusted():
    for how in ["/named", "/run", "/system", "/curl", "/bare"]:
        assert_eq(asked(how), "200")

def test_refused():
    assert_true("CERTIFICATE_VERIFY_FAILED" in asked("/other"))
"""


def run(place: Path, text: str) -> dict[str, Any]:
    home = proxy.Authority.new()
    key, begin, chain = home.issue(("localhost",)).partition(b"-----BEGIN CERTIFICATE-----")
    for name, content in (("key", key), ("cert", begin + chain), ("home", home.certificate)):
        (place / f"{name}.pem").write_bytes(content)
    (place / "other.pem").write_bytes(proxy.Authority.new().certificate)
    for name in ("backend.py", "caller.py"):
        shutil.copy(Path(__file__).with_name(name), place)
    (place / "faultbox.star").write_text(text.replace("{python}", sys.executable))
    command = [sys.executable, "-m", "faultbox", "test", "faultbox.star", "--format", "json"]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, timeout=120, check=False)
    found: dict[str, Any] = {case["id"]: case for case in json.loads(done.stdout)["cases"]}
    return found


@pytest.mark.root
def test_a_spec(tmp_path: Path) -> None:
    cases = run(tmp_path, SPEC)
    verdicts = {name: case["verdict"] for name, case in cases.items()}
    passed = dict.fromkeys(("test_call", "test_direct", "same", "old", "step", "test_trusted"), "passed")
    assert verdicts == {**passed, "test_refused": "inconclusive"}, json.dumps(cases, indent=1)
    assert "api -> back.main: the caller refused the proxy's certificate: unknown ca" in cases["test_refused"]["reason"]
    assert all(cases[name]["exercised"] for name in ("same", "old", "step"))
    assert (tmp_path / "home.pem").read_text().count("BEGIN") == 1
