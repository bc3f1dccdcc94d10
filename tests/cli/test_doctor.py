"""`faultbox doctor`: what the host can do, really tried, and what to do about the rest."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

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
