"""Files that a service may have written to through a shared mapping: no call does that, so nothing tells of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from faultbox.model.event import Event
from faultbox.model.host import Inconclusive
from faultbox.model.observation import FileTotals
from faultbox.model.plan import Needs
from faultbox.model.spec import Monitor
from faultbox.model.syscalls import WRITERS
from faultbox.rules import meets
from faultbox.spec.builtins.filters import Filter

_SAID = "{0.service} maps {0.path} shared and writable: what it writes there by mapping is no call and no event"


def why_unseen(files: Iterable[FileTotals], filters: Mapping[str, str], where: Any = None) -> str:
    """Why a write that these filters and `where` mean may have happened unseen; "" where none may have."""
    wanted = Filter.of(filters, where)
    return next((said(each) for each in _mapped(files) if any(_holds(wanted, event) for event in _writes(each))), "")


def why_not_judged(files: Iterable[FileTotals], monitor: Monitor) -> str:
    """Why what a monitor would have called wrong may have happened unseen; "" where it may not."""
    for each in _mapped(files):
        if not monitor.service or each.service == monitor.service:
            for event in _writes(each):
                try:
                    monitor.begin()(event)
                except Inconclusive:
                    continue
                except Exception:  # noqa: BLE001 - whatever it raises is a violation
                    return said(each)
    return ""


def remarks(files: Iterable[FileTotals], needs: Needs) -> Iterator[str]:
    """What is said of mappings of files that rules on writes name, or whose events are asked for."""
    for each in _mapped(files):
        watch = needs.watched.get(each.service)
        shown = watch is not None and watch.files and (not watch.globs or _any(each.path, watch.globs))
        ruled = [rule.path or "*" for rule in needs.rules if rule.service == each.service and rule.syscalls & WRITERS]
        if shown or _any(each.path, ruled):
            yield said(each)


def said(file: FileTotals) -> str:
    return _SAID.format(file)


def _mapped(files: Iterable[FileTotals]) -> Iterator[FileTotals]:
    return (each for each in files if each.mappings)


def _any(path: str, globs: Iterable[str]) -> bool:
    return any(each == "*" or meets(path, each) for each in globs)


def _writes(file: FileTotals) -> Iterator[Event]:
    """A write to a mapped file as it would be told, had it been a call."""
    about = {"path": file.path, "pid": "0", "tid": "0"}
    yield Event(0, "file", file.service, {"op": "write", "bytes": "1", **about})
    call = {"syscall": "write", "family": "write", "kind": "file", "size": "1", "result": "1", "decision": "allow"}
    yield Event(0, "syscall", file.service, {**call, **about})


def _holds(wanted: Filter, event: Event) -> bool:
    try:
        return wanted(event)
    except Exception:  # noqa: BLE001 - a function that can't judge this event did not mean it
        return False
