"""The end of a load: what the spec declares as a whole, and what only the whole can show to be wrong."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterable, Mapping
from pathlib import Path

from faultbox.model.fault import Assumption
from faultbox.model.source import Position, Problem
from faultbox.model.spec import Spec, Test
from faultbox.model.topology import Service
from faultbox.spec.builtins.acting import acts
from faultbox.spec.builtins.declarations import Declarations
from faultbox.spec.builtins.declare import Failures
from faultbox.spec.builtins.kinds import misfit
from faultbox.spec.builtins.monitors import ALLOWED, acting
from faultbox.spec.builtins.names import cell_id, scenario_names
from faultbox.spec.builtins.values import function_name, nearest_name
from faultbox.spec.functions import Function, describe
from faultbox.spec.loader import Module, Modules
from faultbox.spec.semantics.values import freeze
from faultbox.spec.session import Session


def declared(session: Session, modules: Modules) -> Spec:
    """The spec, made of what the builtins have recorded and of the root file's test_* functions.

    Problems that show only now are added to the session's.
    """
    found = session.state(Declarations)
    for each in found.structs:
        freeze(tuple(each.fields.values()))
    tests = (*_test_functions(session, modules.root), *found.tests)
    _check_services(session, found)
    _check_monitors(session, found)
    _check_ids(session, found, tests)
    _warn_unused(session, found, _named_in_bodies(modules))
    return Spec(
        path=session.root.resolve(),
        services=dict(found.services),
        tests=tests,
        fault_scenarios=tuple(found.fault_scenarios),
        matrices=tuple(found.matrices),
        assumptions=dict(found.assumptions),
        monitors=tuple(each for each in found.monitors if each not in found.claimed),
        sources={**found.files, **{_absolute(name): text for name, text in modules.sources.items()}},
        warnings=tuple(sorted(session.warnings, key=lambda each: (each.position, each.code))),
    )


def _absolute(name: str) -> str:
    """Where a file is, whatever the current directory; modules of our library keep their names."""
    return name if name.startswith("@") else str(Path(name).resolve())


def _test_functions(session: Session, root: Module | None) -> list[Test]:
    """The functions of the root file whose names begin with test_, in the order written."""
    found = [
        Test(name, "test", function, describe(function).position)
        for name, function in (root.globals if root is not None else {}).items()
        if name.startswith("test_") and isinstance(function, Function)
    ]
    for each in found:
        problem = misfit(each.body, 0)
        if problem:
            message = f"{each.id}() is a test and called with no arguments, but {problem}"
            session.problem(Problem("WRONG_TYPE", message, each.position))
    return sorted(found, key=lambda each: each.position)


def _check_services(session: Session, declared: Declarations) -> None:
    services = declared.services
    if "service" in session.state(Failures).names:
        return  # names that aren't known may be those of services that couldn't be made
    for service in services.values():
        for name in service.depends_on:
            _check_service_name(session, services, name, service.position, f"service {service.name!r} depends on")
    for monitor in declared.monitors:
        for name in filter(None, (monitor.service, *(filters.get("service", "") for filters, _ in monitor.about))):
            if name != "driver" and not {"*", "?"} & set(name):
                _check_service_name(session, services, name, monitor.position, f"monitor {monitor.name!r} watches")
    for service in services.values():
        _check_literal_addresses(session, services, service)
    cycle = _cycle(services)
    if cycle:
        message = f"services depend on each other in a circle: {' -> '.join(cycle)}"
        session.problem(Problem("DEPENDENCY_CYCLE", message, services[cycle[0]].position))


def _check_monitors(session: Session, declared: Declarations) -> None:
    """Only now is all known that the functions of monitors name."""
    for monitor in declared.monitors:
        for what, position in acts(monitor.functions):
            session.problem(Problem("MONITOR_ACTS", acting(monitor, what), position, accepted=ALLOWED))


_LITERAL = re.compile(r"(?:localhost|127\.0\.0\.1|\[::1\]):(\d+)")


def _check_literal_addresses(session: Session, services: Mapping[str, Service], service: Service) -> None:
    """localhost:PORT of a port that several services have means the service itself, and nothing in another one."""
    own = {each.port for each in service.interfaces}
    written = {f"env {name}": value for name, value in service.env.items()}
    if service.healthcheck is not None:
        written["healthcheck"] = service.healthcheck.target
    for where, text in written.items():
        for port in {int(each) for each in _LITERAL.findall(text)} & session.shared_ports - own:
            meant = [
                f"{each.service}.{each.interface.name}.addr"
                for other in services.values()
                for each in other.endpoints
                if each.port == port
            ]
            message = f"service {service.name!r}: {where} names localhost:{port}, where {len(meant)} services listen"
            session.problem(Problem("AMBIGUOUS_ADDRESS", message, service.position, accepted=" or ".join(meant)))


def _check_service_name(
    session: Session, services: Mapping[str, Service], name: str, position: Position, who: str
) -> None:
    if name not in services:
        message = f"{who} {name!r}, which is no service of this spec"
        near = nearest_name(name, list(services))
        session.problem(Problem("UNKNOWN_SERVICE", message, position, ", ".join(services), near))


def _cycle(services: Mapping[str, Service]) -> list[str]:
    """One circle of dependencies, its first name repeated at its end; [] where there is none."""
    done: set[str] = set()

    def visit(name: str, path: list[str]) -> list[str]:
        if name in path:
            return [*path[path.index(name) :], name]
        if name in done or name not in services:
            return []
        for each in services[name].depends_on:
            found = visit(each, [*path, name])
            if found:
                return found
        done.add(name)
        return []

    return next((found for name in services if (found := visit(name, []))), [])


def _check_ids(session: Session, declared: Declarations, tests: Iterable[Test]) -> None:
    """Ids are how cases are selected, replayed and compared: two cases with one id can't be."""
    taken: dict[str, Position] = {}

    def take(name: str, position: Position, what: str) -> None:
        if name in taken:
            message = f"{what} would have the id {name!r}, which the case at {taken[name]} has already"
            session.problem(Problem("DUPLICATE_NAME", message, position))
        else:
            taken[name] = position

    for test in tests:
        take(test.id, test.position, test.kind)
    for each in declared.fault_scenarios:
        take(each.id, each.position, "fault_scenario()")
    names = scenario_names(declared.tests)
    for matrix in declared.matrices:
        for row in matrix.scenarios:
            for column in matrix.faults:
                if (row, column.name) not in matrix.exclude:
                    take(
                        cell_id(names.get(row) or function_name(row), column.name),
                        matrix.position,
                        "a cell of fault_matrix()",
                    )


def _warn_unused(session: Session, declared: Declarations, mentioned: frozenset[str]) -> None:
    for assumption in declared.assumptions.values():
        if assumption.name not in declared.used | mentioned:
            message = f"fault_assumption {assumption.name!r} is never used: no scenario and no matrix names it"
            session.warning(Problem("UNUSED", message, assumption.position))
    if "service" not in session.state(Failures).names:
        for each in declared.loose.values():
            message = f"interface {each.name!r} (port {each.port}) belongs to no service: pass it to service()"
            session.warning(Problem("UNUSED", message, each.position))


def _named_in_bodies(modules: Modules) -> frozenset[str]:
    """The names of assumptions that some function mentions by their variable."""
    mentioned: set[str] = set()
    for function in (each for module in modules.all for each in module.globals.values()):
        if isinstance(function, Function):
            known = describe(function)
            for node in ast.walk(known.node):
                found = known.globals.get(node.id) if isinstance(node, ast.Name) else None
                if isinstance(found, Assumption):
                    mentioned.update(each.name for each in found.leaves())
    return frozenset(mentioned)
