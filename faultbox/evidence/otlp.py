"""A case's trace in OpenTelemetry's own JSON, which any collector reads from a file.

The shape is that of the OTLP file exporter: one TracesData object of
opentelemetry-proto 1.3 (`trace/v1`), ids in hexadecimal, numbers of 64 bits as strings. A resource is
a service; its spans are the life of its process, the driver's are the case and its steps, and what rules did
to a call or a message is a span of the service that met it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from faultbox import __version__
from faultbox.evidence.bundle import Bundle
from faultbox.evidence.errors import BadBundle
from faultbox.evidence.trace import trace
from faultbox.model.event import Event
from faultbox.model.verdict import CaseResult, Verdict

_INTERNAL, _CLIENT = 1, 3
_OK, _ERROR = 1, 2
_DRIVER = "driver"


@dataclass
class _Span:
    name: str
    service: str
    began_ns: int
    ended_ns: int
    attributes: Mapping[str, str]
    kind: int = _INTERNAL
    failed: bool = False
    message: str = ""
    events: list[Event] = field(default_factory=list)


def traces(bundle: Bundle, directory: str) -> dict[str, Any]:
    """One case as TracesData. Raises BadBundle; one without a clock is from a version that did not note it."""
    result = bundle.result(directory)
    events = list(trace(bundle, directory))
    to_utc = _offset_ns(bundle, directory)
    spans = [_root(result, events), *_spans(events)]
    trace_id = _id(f"{bundle.manifest.get('started')} {bundle.seed} {result.info.id} {result.info.run}", 16)
    ids = [_id(f"{trace_id} {number}", 8) for number in range(len(spans))]
    by_service: dict[str, list[dict[str, Any]]] = {}
    for number, span in enumerate(spans):
        shape = _shape(span, trace_id, ids[number], ids[0] if number else "", to_utc)
        by_service.setdefault(span.service, []).append(shape)
    return {"resourceSpans": [_resource(service, shapes) for service, shapes in by_service.items()]}


def _offset_ns(bundle: Bundle, directory: str) -> int:
    """What is to be added to the trace's clock to have UTC."""
    clock = bundle.environment(directory).get("clock")
    if not isinstance(clock, dict) or any(type(clock.get(name)) is not int for name in ("utc_ns", "monotonic_ns")):
        raise BadBundle(f"{bundle.path}: does not say what time it was: it was made by an older version")
    offset: int = clock["utc_ns"] - clock["monotonic_ns"]
    return offset


def _root(result: CaseResult, events: list[Event]) -> _Span:
    """The case, with the spec's prints and the changes of faults as its events."""
    began = events[0].time_ns if events else 0
    ended = max((event.time_ns for event in events), default=began)
    attributes = {
        "faultbox.case": result.info.id,
        "faultbox.verdict": result.verdict.value,
        "faultbox.fault": result.info.fault,
        "faultbox.seed": str(result.info.seed),
    }
    span = _Span(result.info.id, _DRIVER, began, ended, attributes, failed=result.verdict is not Verdict.PASSED)
    span.message = result.reason
    span.events = [each for each in events if each.type in _OF_THE_CASE]
    return span


_OF_THE_CASE = frozenset(
    {"print", "fault_applied", "fault_removed", "partition_applied", "partition_removed", "severed"}
)


def _spans(events: list[Event]) -> Iterator[_Span]:
    last = max((event.time_ns for event in events), default=0)
    yield from _lives(events, last)
    yield from _steps(events, last)
    for event in events:
        fields = event.fields
        if event.type in ("syscall", "proxy") and fields.get("rule"):
            what = fields.get("syscall") or f"{fields.get('protocol', '')} {fields.get('side', '')}".strip()
            ended = event.time_ns + _delay_ns(fields.get("delay_ms", ""))
            decision = fields.get("decision", "")
            failed = not decision.startswith(("delay", "pass", "slow"))
            yield _Span(f"{what} {decision}", event.service, event.time_ns, ended, fields, failed=failed)


def _lives(events: Iterable[Event], last: int) -> Iterator[_Span]:
    """From a service's start to its end; with what it printed."""
    alive: dict[str, _Span] = {}
    for event in events:
        span = alive.get(event.service)
        if event.type in ("service_started", "service_restarted") and span is None:
            alive[event.service] = _Span("process", event.service, event.time_ns, last, event.fields)
        elif event.type == "service_exited" and span is not None:
            span.ended_ns, span.failed = event.time_ns, event.fields.get("expected") != "true"
            span.attributes = {**span.attributes, **event.fields}
            yield alive.pop(event.service)
        elif span is not None and event.type in ("stdout", "stderr", "service_ready"):
            span.events.append(event)
    yield from alive.values()


def _steps(events: Iterable[Event], last: int) -> Iterator[_Span]:
    """From what the driver asked to what it was answered."""
    open_steps: dict[str, _Span] = {}
    for event in events:
        number = event.fields.get("step", "")
        if event.type == "step_send":
            name = f"{event.fields.get('target')} {event.fields.get('method')}"
            open_steps[number] = _Span(name, _DRIVER, event.time_ns, last, event.fields, _CLIENT)
        elif event.type == "step_recv" and number in open_steps:
            span = open_steps.pop(number)
            span.ended_ns, span.failed = event.time_ns, event.fields.get("ok") != "true"
            span.message = event.fields.get("error", "")
            span.attributes = {**span.attributes, **event.fields}
            yield span
    yield from open_steps.values()


def _shape(span: _Span, trace_id: str, span_id: str, parent: str, to_utc: int) -> dict[str, Any]:
    return {
        "traceId": trace_id,
        "spanId": span_id,
        "parentSpanId": parent,
        "name": span.name,
        "kind": span.kind,
        "startTimeUnixNano": str(span.began_ns + to_utc),
        "endTimeUnixNano": str(span.ended_ns + to_utc),
        "attributes": _attributes(span.attributes),
        "events": [
            {
                "timeUnixNano": str(each.time_ns + to_utc),
                "name": each.type,
                "attributes": _attributes({**each.fields, "service": each.service}),
            }
            for each in span.events
        ],
        "status": {"code": _ERROR, "message": span.message} if span.failed else {"code": _OK},
    }


def _resource(service: str, spans: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "resource": {"attributes": _attributes({"service.name": service})},
        "scopeSpans": [{"scope": {"name": "faultbox", "version": __version__}, "spans": spans}],
    }


def _attributes(values: Mapping[str, str]) -> list[dict[str, Any]]:
    return [{"key": key, "value": {"stringValue": value}} for key, value in values.items() if value]


def _id(text: str, size: int) -> str:
    return hashlib.blake2b(text.encode("utf-8", errors="surrogateescape"), digest_size=size).hexdigest()


def _delay_ns(text: str) -> int:
    """How long a rule held something up, from its own words: a stranger's bundle may say anything."""
    return int(float(text) * 1e6) if _DECIMAL.fullmatch(text) else 0


_DECIMAL = re.compile(r"[0-9]{1,9}(\.[0-9]{1,9})?")
