"""All builtins, bound to a session."""

from __future__ import annotations

from collections.abc import Mapping

from faultbox.spec.builtins import (
    asserts,
    assumptions,
    cases,
    expect,
    faults,
    files,
    flow,
    health,
    matchers,
    messages,
    monitors,
    observing,
    partitions,
    scopes,
    services,
    steps,
    tls,
    types,
)
from faultbox.spec.builtins.declare import REGISTRY, active
from faultbox.spec.builtins.structs import Struct
from faultbox.spec.builtins.unavailable import unavailable
from faultbox.spec.session import Session

TOPICS = (
    services,
    tls,
    health,
    faults,
    messages,
    assumptions,
    cases,
    monitors,
    matchers,
    scopes,
    partitions,
    steps,
    asserts,
    expect,
    flow,
    observing,
    files,
    types,
)
"""Where builtins are declared, in the order of the reference."""


def predeclared(session: Session) -> Mapping[str, object]:
    """What every file of a spec may use without loading it."""
    active.set(session)
    names: dict[str, object] = unavailable(session)
    spaces: dict[str, dict[str, object]] = {}
    for name, definition in REGISTRY.items():
        space, dot, member = name.partition(".")
        if dot:
            spaces.setdefault(space, {})[member] = definition.bind(session)
        else:
            names[name] = definition.bind(session)
    return names | {space: Struct(members) for space, members in spaces.items()}
