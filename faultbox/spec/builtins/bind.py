"""All builtins, bound to a session."""

from __future__ import annotations

from collections.abc import Mapping
from importlib import import_module

from faultbox.spec.builtins.declare import REGISTRY, active
from faultbox.spec.builtins.structs import Struct
from faultbox.spec.session import Session

TOPICS = (
    "services", "health", "faults", "assumptions", "cases", "monitors", "scopes", "steps", "asserts", "expect", "flow",
    "observing", "files", "types",
)  # fmt: skip
"""Where builtins are declared, in the order of the reference."""


def predeclared(session: Session) -> Mapping[str, object]:
    """What every file of a spec may use without loading it."""
    for topic in TOPICS:
        import_module(f"faultbox.spec.builtins.{topic}")
    from faultbox.spec.builtins.unavailable import unavailable

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
