"""A plan: the cases of a run and what each of them needs."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import field
from typing import Any, Literal

from faultbox.model.fault import Assumption, Rule
from faultbox.model.frozen import frozen
from faultbox.model.message import Edge, MessageRule
from faultbox.model.observation import Watch
from faultbox.model.shard import Shard
from faultbox.model.source import Position
from faultbox.model.spec import Monitor, Spec

CaseKind = Literal["test", "scenario", "fault_scenario", "cell", "leaf"]


@frozen
class CaseInfo:
    """What may leave the process that evaluated the spec: a case without its functions."""

    id: str
    kind: CaseKind
    scenario: str
    fault: str
    position: Position
    seed: int
    run: int = 1
    control: str = ""
    row: str = ""
    column: str = ""
    matrix: int = -1
    timeout_ms: float = 120_000


@frozen
class Case:
    """One runnable test. `control` is the id of the case that must pass before this one means anything."""

    info: CaseInfo
    body: Callable[[], Any]
    setup: Callable[[], Any] | None = None
    faults: tuple[Assumption, ...] = ()
    expect: Callable[[Any], Any] | None = None
    monitors: tuple[Monitor, ...] = ()
    require_fire: bool = False

    @property
    def id(self) -> str:
        return self.info.id


@frozen
class Needs:
    """What a case's world must hold before it starts.

    `filters`: per service the system calls (kernel names, families already widened) that its
    seccomp filter must notify: the union of what evaluated rules, rules that the bodies may arm,
    and assertions that name system calls ask for. `rules`: the case's own assumptions, bound.
    `observed`: per service the calls of its filter that are reported as events without any rule. `watched`: what else
    of each service becomes events, by the kernel's own programs; `blind` says why there are none of those, and
    `unlooped` what the case looks for among all events() that is missing then. `imports`:
    modules to import before the world is forked. `lines`: services whose output lines must become events.
    `edges`: every caller to every interface whose messages a rule of this case may meet.
    `captures`: those of them whose traffic is kept.
    `message_rules`: as `rules`, those on messages. `network`: the case has edges, or may partition.
    """

    services: tuple[str, ...]
    filters: Mapping[str, frozenset[str]] = field(default_factory=dict)
    observed: Mapping[str, frozenset[str]] = field(default_factory=dict)
    watched: Mapping[str, Watch] = field(default_factory=dict)
    blind: str = ""
    unlooped: str = ""
    rules: tuple[Rule, ...] = ()
    imports: tuple[str, ...] = ()
    lines: frozenset[str] = frozenset()
    io_uring_blocked: frozenset[str] = frozenset()
    edges: tuple[Edge, ...] = ()
    captures: frozenset[Edge] = frozenset()
    message_rules: tuple[MessageRule, ...] = ()
    network: bool = False


@frozen
class AssumptionUse:
    """A named assumption of a run, and what must be known of it before it may be called dead.

    `leaves` are the names of itself and of all that it is composed of. `complete`: every case of the
    spec that uses it is in the run; `cases` are those of the run, by id and run.
    """

    name: str
    position: Position
    leaves: tuple[str, ...]
    has_rules: bool
    complete: bool
    cases: tuple[tuple[str, int], ...]


@frozen
class Plan:
    """The cases of a run, controls before what they control.

    Where only a `shard` of a run is run, `cases` are its part and `whole` those of all shards. `captured`: (service,
    interface) of what is kept of the traffic, in every case.
    """

    spec: Spec
    seed: int
    seed_origin: Literal["cli", "cached", "generated", "bundle"]
    cases: tuple[Case, ...]
    selected: frozenset[str]
    complete: Mapping[str, bool]
    excluded: tuple[tuple[int, str, str], ...] = ()
    strict: bool = False
    control: bool = True
    keep: bool = False
    fail_fast: bool = False
    shard: Shard | None = None
    whole: tuple[Case, ...] = ()
    captured: frozenset[tuple[str, str]] = frozenset()
