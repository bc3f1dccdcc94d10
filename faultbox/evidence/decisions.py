"""What rules decided, call by call, in a form in which two runs can be compared.

Two calls are the same when nothing that a spec could name tells them apart: the service, the
call, and the file or peer it is about. Their order among different identities is the
scheduler's; what the n-th call of one identity meets is decided by the seed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from faultbox.evidence.masks import masked
from faultbox.model.frozen import frozen

Identity = tuple[str, str, str, str]
"""Service, call, what it is about, and the rule that decided."""
Taken = dict[Identity, dict[int, str]]
"""Per identity what was decided, by turn: `deny(EIO)`, `delay(2s)`."""

_UNDECIDED = frozenset({"allow", "pass", "unseen"})
_WORDS = ("method", "path", "command", "key", "query")
"""The fields of a message in which a spec can name it."""


def may_be_decision(line: str) -> bool:
    """Whether a line of events.jsonl is worth parsing in search of decisions: most of a long trace is not.

    Quotes within what a service printed are escaped, so this can't be found there.
    """
    return '"decision":' in line and '"decision":"allow"' not in line


def is_decision(event: Mapping[str, Any]) -> bool:
    """Whether a rule decided the call or the message that an event of events.jsonl tells of."""
    fields = event.get("fields")
    if not isinstance(fields, Mapping):
        return False
    if event.get("type") == "proxy":
        return bool(fields.get("rule"))
    return event.get("type") == "syscall" and str(fields.get("decision", "allow")) not in _UNDECIDED


def by_identity(events: Iterable[Mapping[str, Any]]) -> Taken:
    """The decisions per call identity.

    The turn is the event's own where a rule draws (`turn`: which call of its identity it was, so
    that those which drew otherwise leave gaps), else the position among the decisions.
    """
    taken: Taken = {}
    for event in filter(is_decision, events):
        fields = event["fields"]
        identity = (str(event.get("service")), *_call(fields), str(fields.get("rule", "")))
        turns = taken.setdefault(identity, {})
        turn = str(fields.get("turn", ""))
        turns[int(turn) if re.fullmatch(r"[0-9]{1,18}", turn) else len(turns) + 1] = str(fields.get("decision", ""))
    return taken


def _call(fields: Mapping[str, Any]) -> tuple[str, str]:
    """What was called or said, and about what; without what differs in every run."""
    if "interface" in fields:
        words = " ".join(str(fields[name]) for name in _WORDS if name in fields)
        return f"{fields['interface']} {fields.get('side', '')} from {fields.get('caller', '')}", masked(words)
    return str(fields.get("syscall")), masked(str(fields.get("path") or fields.get("peer") or fields.get("kind") or ""))


@frozen
class Disagreement:
    """A call that both runs made and that met different things; empty text: it went on undisturbed."""

    identity: Identity
    turn: int
    before: str
    after: str


def compared(before: Taken, after: Taken) -> Iterator[tuple[int, Disagreement | None]]:
    """Per identity how many decisions are the same, and the first that is not.

    Only turns that both runs are known to have reached are compared: a service may well call more
    or less often than the other time.
    """
    for identity in before | after:
        old, new = before.get(identity, {}), after.get(identity, {})
        reached = min(max(old, default=0), max(new, default=0))
        turns = sorted(turn for turn in old | new if turn <= reached)
        wrong = next((turn for turn in turns if old.get(turn) != new.get(turn)), None)
        if wrong is None:
            yield len(turns), None
        else:
            agreed = sum(1 for turn in turns if turn < wrong)
            yield agreed, Disagreement(identity, wrong, old.get(wrong, ""), new.get(wrong, ""))
