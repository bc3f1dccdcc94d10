"""What caused what in a recorded case, found out when somebody asks."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import Any

from faultbox import observe
from faultbox.evidence.bundle import Bundle
from faultbox.evidence.errors import BadBundle
from faultbox.evidence.trace import trace
from faultbox.model.declared import Declared
from faultbox.model.event import Event
from faultbox.model.flow import Flow
from faultbox.model.record import BadRecord, from_json
from faultbox.observe.flows import NotFlows
from faultbox.trace import tree
from faultbox.trace.causes import causes
from faultbox.trace.streams import OVERLAPPING


def flows_of(bundle: Bundle, directory: str) -> list[Flow]:
    """What flowed in a case; [] where nobody saw it. Raises BadBundle."""
    name = f"cases/{directory}/flows.bin"
    if not any(each.filename == name for each in bundle.entries):
        return []
    with tempfile.NamedTemporaryFile() as file:
        bundle.copy(name, file)
        file.flush()
        try:
            return list(observe.flows(Path(file.name)))
        except (NotFlows, KeyError) as error:
            raise BadBundle(f"{bundle.path}: {name}: {error}") from None


def trees(bundle: Bundle, directory: str, *, lost: int = 0) -> list[dict[str, Any]]:
    """Of every step of a case the tree of what it caused (`trace.tree.shape`; `trace.tree.render` makes lines of one);
    [] where nobody saw. `lost`: how many flows were lost, by the case's `observed`. Raises BadBundle."""
    flows = flows_of(bundle, directory)
    events: list[Event] = list(trace(bundle, directory)) if flows else []
    if not events:
        return []
    known = causes(events, flows, lost=lost, overlapping=_overlapping(bundle))
    return tree.shapes(known, events[0].time_ns)


def _overlapping(bundle: Bundle) -> frozenset[int]:
    shape = bundle.parsed("declared.json")
    if not shape:
        return frozenset()
    try:
        declared = from_json(Declared, shape)
    except BadRecord as error:
        raise BadBundle(f"{bundle.path}: declared.json{error}") from None
    interfaces = (each for service in declared.services for each in service.interfaces)
    return frozenset(each.port for each in interfaces if each.protocol in OVERLAPPING)
