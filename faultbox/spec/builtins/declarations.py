"""What a spec has declared so far."""

from __future__ import annotations

from dataclasses import dataclass, field

from faultbox.model.fault import Assumption
from faultbox.model.spec import FaultScenario, Function, Matrix, Monitor, Test
from faultbox.model.topology import Interface, Service
from faultbox.spec.builtins.structs import Struct


@dataclass(eq=False)
class Declarations:
    """The one of a session; builtins add to it in the order in which the spec calls them.

    `scenario_names` are those that scenario() gave to functions. `claimed` are monitors that were attached
    to something, `used` the names of assumptions that a case or another assumption uses, `loose`
    the interfaces that no service has taken, `structs` those
    whose contents are still to be frozen, `files` the texts that load_file() read.
    """

    services: dict[str, Service] = field(default_factory=dict)
    assumptions: dict[str, Assumption] = field(default_factory=dict)
    tests: list[Test] = field(default_factory=list)
    fault_scenarios: list[FaultScenario] = field(default_factory=list)
    matrices: list[Matrix] = field(default_factory=list)
    monitors: list[Monitor] = field(default_factory=list)
    scenario_names: dict[Function, str] = field(default_factory=dict)
    claimed: set[Monitor] = field(default_factory=set)
    used: set[str] = field(default_factory=set)
    loose: dict[int, Interface] = field(default_factory=dict)
    structs: list[Struct] = field(default_factory=list)
    files: dict[str, str] = field(default_factory=dict)
