"""Loading, and what is said where it can't be done."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from faultbox import network
from faultbox.linux import bpf, namespaces


def refusal() -> network.NoNetworkFaults:
    with pytest.raises(network.NoNetworkFaults) as raised:
        network.prepare()
    return raised.value


@pytest.mark.root
def test_an_ordinary_user_is_told_what_is_missing(forked: Callable[..., Any]) -> None:
    def body() -> None:
        os.setgroups([])
        os.setresgid(65534, 65534, 65534)
        os.setresuid(65534, 65534, 65534)
        assert refusal().reason == "this user may not load BPF programs"
        assert "CAP_BPF, CAP_NET_ADMIN" in refusal().advice

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
