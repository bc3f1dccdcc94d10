"""Loading, and what is said where it can't be done."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faultbox import network
from faultbox.linux import bpf, namespaces


def refusal(*parts: network.Part) -> network.NoNetworkFaults:
    with pytest.raises(network.NoNetworkFaults) as raised:
        network.prepare(parts)
    return raised.value


@pytest.mark.root
def test_an_ordinary_user_is_told_what_is_missing(forked: Callable[..., Any]) -> None:
    def body() -> None:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        assert refusal().reason == "this user may not load BPF programs"
        assert "CAP_BPF, CAP_NET_ADMIN" in refusal().advice
        assert str(refusal("cut")).endswith("partitions and loss are for root alone: run as root")

    forked(body)


@pytest.mark.root
def test_root_of_a_user_namespace_is_told_too(forked: Callable[..., Any]) -> None:
    def body() -> None:
        namespaces.enter_user_namespace()
        assert "of the host itself" in refusal().advice

    forked(body)


def test_objects_that_were_not_built(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(bpf, "OBJECTS", tmp_path)
    assert refusal().advice == "build it with `make bpf`"


@pytest.mark.root
def test_a_part_that_the_plan_did_not_ask_for(forked: Callable[..., Any]) -> None:
    def body() -> None:
        with pytest.raises(RuntimeError, match="without 'addresses'"):
            network.prepare([]).of("addresses")

    forked(body)


@pytest.mark.root
@pytest.mark.parametrize("without", ["libbpf.so.1", "a kernel that takes them"])
def test_what_else_may_be_missing(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, without: str) -> None:
    if without == "libbpf.so.1":
        monkeypatch.setattr(bpf, "_LIBBPF", "libbpf-that-is-not-there.so.1")
        assert "apt-get install libbpf1" in refusal().advice
    else:
        (tmp_path / "steer.bpf.o").write_bytes(b"not an object")
        monkeypatch.setattr(bpf, "OBJECTS", tmp_path)
        assert refusal().advice == "build it again: `make bpf`"


@pytest.mark.root
def test_a_kernel_without_tcx_gets_filters_instead(
    in_town: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    attach = bpf.attach

    def old(program: int, target: int, kind: int) -> int:
        if kind in (bpf.TCX_INGRESS, bpf.TCX_EGRESS):
            raise OSError(errno.EINVAL, "bpf: Invalid argument")
        return attach(program, target, kind)

    monkeypatch.setattr(bpf, "attach", old)

    def body(town: Any) -> None:
        api, db, edge = (town.person(name) for name in ("api", "db", "edge"))
        real, proxy = db.listen("127.0.0.1", 80), edge.listen("127.0.0.1", 0)
        town.network.steer(api.cgroup, 80, edge.descriptor(proxy), None)
        api.connect("127.0.0.1", 80)
        proxy.accept()
        town.network.close()
        api.connect("127.0.0.1", 80)
        real.accept()

    in_town(body, own_netns=False)
