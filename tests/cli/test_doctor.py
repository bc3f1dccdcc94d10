"""`faultbox doctor`: what the host can do, really tried, and what to do about the rest."""

from __future__ import annotations

import ctypes.util
import json
import os
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faultbox import observe
from faultbox.cli import probes
from faultbox.cli.probes import Check


@pytest.mark.root
def test_this_host_can(faultbox: Callable[..., Any]) -> None:
    ran = faultbox("doctor")
    assert ran.code == 0, ran.out
    assert ran.out.endswith("\n\nfaultbox test can run here\n")
    assert ran.out.startswith("✓ kernel          Linux ")


@pytest.mark.root
def test_as_json(faultbox: Callable[..., Any]) -> None:
    document = json.loads(faultbox("doctor", "--format", "json").out)
    assert document["ready"] is True
    assert {each["state"] for each in document["checks"]} <= {"good", "missing"}


def test_what_is_missing_comes_with_what_to_do(faultbox: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(probes, "filters", lambda: Check("filters", "bad", "no libseccomp", "install libseccomp"))
    ran = faultbox("doctor")
    assert ran.code == 3
    assert "✗ filters         no libseccomp\n                  install libseccomp\n" in ran.out
    assert ran.out.endswith("\n\nfaultbox test can't run here\n")


@pytest.mark.parametrize(
    ("release", "machine", "state"),
    [
        ("6.1.0-13-amd64", "x86_64", "good"),
        ("5.19.0", "aarch64", "good"),
        ("5.18.9-generic", "x86_64", "bad"),
        ("4.19", "x86_64", "bad"),
        ("6.12.0+", "riscv64", "bad"),
        ("6.1-rc3", "x86_64", "good"),
    ],
)
def test_kernels(monkeypatch: pytest.MonkeyPatch, release: str, machine: str, state: str) -> None:
    monkeypatch.setattr(os, "uname", lambda: os.uname_result(("Linux", "host", release, "#1", machine)))
    assert probes.kernel().state == state


def test_a_probe_that_fails_says_why() -> None:
    def fail() -> None:
        raise RuntimeError("because")

    assert probes.in_child(fail) == "because"
    assert probes.in_child(lambda: None) == ""
    assert probes.in_child(lambda: os._exit(3)) != ""
    assert "No module named 'nonesuch'" in probes.imports("import nonesuch")


def test_a_state_directory_that_cannot_be(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    check = probes.disks(tmp_path / "file" / "state")
    assert check.state == "bad"
    assert "FAULTBOX_STATE_DIR" in check.advice


def test_a_user_without_cgroups_can_run(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faultbox.linux.cgroup.writable_parent", lambda: None)
    check = probes.cgroups()
    assert check.state == "missing"
    assert "systemd-run" in check.advice


def test_observation_says_why_not(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(_depth: int) -> None:
        raise observe.NoObservation("no eyes", "use others")

    monkeypatch.setattr("faultbox.linux.cgroup.writable_parent", lambda: Path("/sys/fs/cgroup"))
    monkeypatch.setattr(observe, "prepare", refuse)
    check = probes.observation()
    assert (check.state, check.advice) == ("missing", "use others")
    assert check.detail == "no eyes; what needs files, sockets or processes is inconclusive"


def test_observation_needs_cgroups(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("faultbox.linux.cgroup.writable_parent", lambda: None)
    check = probes.observation()
    assert (check.state, check.advice) == ("missing", "run as root")


SPEC = """
idle = service("idle", "/bin/sleep", args = ["60"])
def test_it():
    pass
def test_files():
    assert_never(type = "file", service = "idle", path = "/tmp/nothing")
"""


def run_in(shell: str, tmp_path: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """`faultbox test` on a host of which a shell command has taken something away."""
    (tmp_path / "spec.star").write_text(SPEC)
    tool = shlex.join(
        [sys.executable, "-m", "faultbox", "test", str(tmp_path / "spec.star"), "--seed", "1", *arguments]
    )
    return subprocess.run(
        ["unshare", "--mount", "sh", "-c", shell.format(tool=tool)],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={**os.environ, "FAULTBOX_STATE_DIR": str(tmp_path / "state")},
    )


@pytest.mark.root
def test_a_kernel_without_types_is_told_everywhere(tmp_path: Path) -> None:
    bundle, report = tmp_path / "run.fb", tmp_path / "junit.xml"
    hide = "mount -t tmpfs none /sys/kernel/btf; {tool}"
    ran = run_in(hide, tmp_path, "--format", "json", "--junit", str(report), "--output", str(bundle))
    document = json.loads(ran.stdout)
    why = "this kernel doesn't tell its types (/sys/kernel/btf/vmlinux)"
    assert (ran.returncode, ran.stderr) == (4, "")
    assert {case["id"]: case["verdict"] for case in document["cases"]} == {
        "test_it": "passed",
        "test_files": "inconclusive",
    }
    assert why in document["notes"][0]
    assert why in report.read_text()
    shown = subprocess.run(
        [sys.executable, "-m", "faultbox", "inspect", bundle], capture_output=True, text=True, check=True
    )
    assert f"No BPF:   {why}" in shown.stdout


@pytest.mark.root
def test_without_the_library_the_rest_goes_on(tmp_path: Path) -> None:
    library = Path(ctypes.util.find_library("bpf") or "libbpf.so.1")
    (path,) = {each.resolve() for each in Path("/usr/lib").rglob(library.name)}
    ran = run_in(f"mount --bind /dev/null {path}; {{tool}}", tmp_path, "--no-bundle", "--show", "none")
    assert ran.returncode == 4
    assert "No BPF here (there is no libbpf.so.1: install it" in ran.stdout
    assert "1 passed, 0 failed, 1 inconclusive" in ran.stdout


@pytest.mark.root
def test_root_without_its_capabilities_is_told_once(tmp_path: Path) -> None:
    ran = run_in("exec setpriv --bounding-set -bpf,-perfmon,-sys_admin {tool}", tmp_path, "--no-bundle")
    assert ran.returncode == 3
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "this root may not make worlds (unshare: Operation not permitted)" in ran.stdout + ran.stderr


@pytest.mark.root
def test_root_that_may_not_bring_up_a_network_is_told_so(tmp_path: Path) -> None:
    ran = run_in("exec setpriv --bounding-set -net_admin {tool}", tmp_path, "--no-bundle")
    assert ran.returncode == 3
    assert "Traceback" not in ran.stdout + ran.stderr
    assert "Operation not permitted (worlds need root" in ran.stdout
    told = run_in(f"exec setpriv --bounding-set -net_admin {sys.executable} -m faultbox doctor", tmp_path)
    assert "lo of a network namespace can't be brought up: Operation not permitted" in told.stdout
