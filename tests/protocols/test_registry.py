from __future__ import annotations

from typing import Any

import pytest

from faultbox import protocols
from faultbox.model.host import SpecError
from faultbox.model.protocols import ABSENT, PROTOCOLS


def test_every_protocol_of_the_table_has_a_client() -> None:
    for name in PROTOCOLS:
        assert protocols.get(name).name == name


@pytest.mark.parametrize("name", [name for name, protocol in PROTOCOLS.items() if protocol.methods])
def test_every_step_of_the_table_is_done(name: str, free_port: int) -> None:
    for method, form in PROTOCOLS[name].methods.items():
        needed = {each.name: "x" for each in form.parameters if each.default is ABSENT}
        response = protocols.get(name).step(("127.0.0.1", free_port), method, needed)
        error = "" if method == "send_no_reply" else "connection refused"
        assert (response.error, response.protocol) == (error, name)
    with pytest.raises(ValueError, match="has no step 'nonsense'"):
        protocols.get(name).step(("127.0.0.1", free_port), "nonsense", {})


def test_a_protocol_without_steps_is_ready_when_it_accepts(serve: Any, free_port: int) -> None:
    amqp = protocols.get("amqp")
    assert amqp.ready(serve(lambda connection: None), 5) == ""
    assert amqp.ready(("127.0.0.1", free_port), 5) == "connection refused"
    with pytest.raises(SpecError, match="amqp steps are not available"):
        amqp.step(("127.0.0.1", free_port), "get", {"key": "a"})


def test_an_unknown_protocol() -> None:
    with pytest.raises(KeyError):
        protocols.get("gopher")
