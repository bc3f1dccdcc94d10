"""Healthchecks: tcp(), http(), ready()."""

from __future__ import annotations

from typing import Any

from faultbox.model.topology import Endpoint, Healthcheck
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.declare import Call, builtin
from faultbox.spec.builtins.values import show
from faultbox.spec.builtins.wrong import Wrong


def _address(value: Any, label: str) -> str:
    """ "host:port", or an interface"""
    if isinstance(value, Endpoint):
        return value.addr
    given = kinds.text(value, label)
    _check_address(given, label, 'a "host:port" like "localhost:5432"')
    return given


def _url(value: Any, label: str) -> str:
    """a URL with "http://", which may be left out, or "https://" """
    given = kinds.text(value, label)
    scheme = "https" if given.startswith("https://") else "http"
    bare = given.removeprefix(f"{scheme}://")
    if "://" in bare or any(each.isspace() for each in bare):
        raise Wrong("BAD_ADDRESS", f"{label} is no http URL: {show(given, typed=False)}")
    _check_address(bare.partition("/")[0], label, 'a URL like "http://localhost:8080/health"', default_port=True)
    return f"{scheme}://{bare}"


def _check_address(given: str, label: str, accepted: str, *, default_port: bool = False) -> None:
    host, colon, number = given.rpartition(":")
    if not colon and default_port:
        host, number = given, "80"
    if not host or not number.isascii() or not number.isdigit() or not 1 <= int(number) <= 65535:
        raise Wrong(
            "BAD_ADDRESS", f"{label} has no usable host and port: {show(given, typed=False)}", accepted=accepted
        )


@builtin("tcp", addr=_address, timeout=kinds.positive_duration)
def tcp(_call: Call, addr: str, *, timeout: float = 30_000) -> Healthcheck:
    """A service is ready when a connection to it is accepted.

    That may be before it can answer: many servers listen first and load their data then. ready()
    and http() ask for an answer.

    addr: where to connect
    timeout: how long it may take
    gives: a healthcheck, for service(healthcheck=)
    """
    return Healthcheck("tcp", addr, timeout_ms=timeout)


@builtin("http", url=_url, expect_status=kinds.integer, timeout=kinds.positive_duration)
def http(_call: Call, url: str, *, expect_status: int | None = None, timeout: float = 30_000) -> Healthcheck:
    """A service is ready when a GET is answered with the expected status.

    By https:// a certificate is asked about as at the interface of that port: without its tls_cert(ca=), not at all.

    url: what is asked for
    expect_status: the status; by default any from 200 to 399
    timeout: how long it may take
    gives: a healthcheck, for service(healthcheck=)
    """
    if expect_status is not None and not 100 <= expect_status <= 599:
        raise Wrong(
            "OUT_OF_RANGE", f"expect_status must be between 100 and 599, got {expect_status}", at="expect_status"
        )
    return Healthcheck("http", url, expect_status, timeout)


@builtin("ready", timeout=kinds.positive_duration)
def ready(_call: Call, *, timeout: float = 30_000) -> Healthcheck:
    """A service is ready when every interface of it answers on its own protocol.

    An interface whose protocol this version has no question for is ready when it accepts. This is
    what a service without a healthcheck gets.

    timeout: how long it may take
    gives: a healthcheck, for service(healthcheck=)
    """
    return Healthcheck("ready", timeout_ms=timeout)
