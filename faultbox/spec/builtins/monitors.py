"""monitor(): what must hold at every event."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from faultbox.model.event import Event
from faultbox.model.host import AssertionFailed, current
from faultbox.model.spec import Monitor
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.declarations import Declarations
from faultbox.spec.builtins.declare import Call, builtin, not_available
from faultbox.spec.builtins.services import service_or_name
from faultbox.spec.builtins.values import function_name, invoke, nearest_name
from faultbox.spec.builtins.wrong import Wrong


def _function_or_name(value: Any, label: str) -> Any:
    """a function of one event"""
    return value if isinstance(value, str) else kinds.function_of(1)(value, label)


@builtin(
    "monitor",
    check=_function_or_name,
    service=service_or_name,
    unavailable=dict.fromkeys(("on", "state_init", "update", "check_state"), "monitors with state"),
)
def monitor(call: Call, check: Callable[..., Any] | str, *, service: str = "") -> Monitor:
    """Calls a function with every event of a case; the case fails where it raises, calls fail() or gives False.

    At the top level it watches every case, unless it is passed to monitors= of something: then it
    watches the cases that use that. Inside a scenario it watches the running case, from its first event.

    check: a function of one event
    service: only events of this service
    gives: a monitor
    """
    if isinstance(check, str):
        raise not_available("monitor with a name needs monitors with state")
    host = current.get(None)
    services = call.state(Declarations).services
    if host is not None and service and service not in services:
        near = nearest_name(service, list(services))
        message = f"{service!r} is no service of this spec"
        raise Wrong("UNKNOWN_SERVICE", message, accepted=", ".join(services), nearest=near, at="service")
    made = Monitor(function_name(check), _raising(check), call.position, service, check)
    if host is not None:
        host.watch(made)
    else:
        call.state(Declarations).monitors.append(made)
    return made


def _raising(check: Callable[..., Any]) -> Callable[[Event], None]:
    def checked(event: Event) -> None:
        if invoke(check, event) is False:
            raise AssertionFailed(f"{function_name(check)} gave False", code="MONITOR", deciding=(event,))

    return checked
