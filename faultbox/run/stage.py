"""The stage of a case: its world, supervisors, output and log, wired together.

`open` happens while the process has one thread (it forks); `start` brings up the log's thread.
"""

from __future__ import annotations

import os
import threading
from collections.abc import Callable, Iterable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from faultbox import network, protocols, syscalls, trace
from faultbox import world as worlds
from faultbox.model.event import SourceLost
from faultbox.model.fault import Port, Rule
from faultbox.model.plan import Case, Needs
from faultbox.model.spec import Spec
from faultbox.model.topology import Endpoint, Service
from faultbox.run import armed, eyes
from faultbox.run.exits import Exits
from faultbox.run.ground import Ground
from faultbox.run.output import ServiceOutput, outputs_of
from faultbox.run.restarts import Restarts
from faultbox.run.scopes import AnyRule, Scopes
from faultbox.run.securing import Security
from faultbox.run.sources import Sources

if TYPE_CHECKING:
    from faultbox.observe import Observer
    from faultbox.proxy import EdgeProcess
    from faultbox.run.edges import Edges


LOG_LINES = 10
"""How much of the end of a service's log a result carries; the bundle has all of it."""


class Stage:
    """A world with everything that decides and observes in it. One a case."""

    def __init__(self, case: Case, needs: Needs, ground: Ground, place: Path) -> None:
        """Open: fork the supervisors, make the world. Only while this process has one thread."""
        self.needs = needs
        self.spec: Spec = ground.plan.spec
        self.place = place
        self._ground = ground
        self._said: dict[str, list[str]] = {}
        self._lock = threading.Lock()
        counters = armed.Counters(place)
        ports = tuple(
            endpoint.destination for name in needs.services for endpoint in self.spec.services[name].endpoints
        )
        addresses = {own: name for name in needs.services if (own := self.spec.services[name].own_address)}
        self.supervisors = {
            name: syscalls.supervise(
                name,
                seed=case.info.seed,
                counters=counters.page,
                ports=ports,
                addresses=addresses,
                block_io_uring=name in needs.io_uring_blocked,
            )
            for name in needs.services
            if needs.filters.get(name)
        }
        self.world = worlds.World.open(ground.settings(place.name, needs))
        self.edges = self._open_edges(case, counters)
        self.observer = self._open_eyes(ports, addresses)
        self.sources = Sources([self.spec.services[each] for each in needs.services], self.world, ground.probes)
        self.log = trace.Log(place / "events.jsonl")
        self.scopes = Scopes(
            self.supervisors,
            needs.filters,
            needs.observed,
            counters,
            edges=self.edges,
            sever=self._sever,
            told=self._tell_of_rules,
        )
        self.outputs: dict[str, list[ServiceOutput]] = {}
        self._launches: dict[str, int] = {}
        self.exits = Exits(self.world, self._exited)
        self.security = Security(ground.authority.certificate if ground.authority is not None else b"")
        self.restarts = Restarts(self.launch, self.log.append)

    def _open_eyes(self, ports: Sequence[Port], addresses: dict[str, str]) -> Observer | None:
        programs = self._ground.eyes.programs
        if programs is None:
            return None
        edge = self.edges.process.pid if self.edges is not None and self.edges.process is not None else None
        return eyes.watch(programs, self.world, self.needs, self.place, ports=ports, addresses=addresses, edge=edge)

    def _open_edges(self, case: Case, counters: armed.Counters) -> Edges | None:
        programs = self._ground.network
        if not self.needs.network or programs is None:
            return None
        from faultbox.run.edges import Edges  # proxies bring asyncio, which costs what a whole world costs

        services = [self.spec.services[name] for name in self.needs.services]
        return Edges(
            self.needs,
            services,
            self.world,
            programs,
            counters.page,
            seed=case.info.seed,
            place=self.place,
            authority=self._ground.authority,
        )

    def start(self, case_rules: Sequence[Rule]) -> None:
        """Begin to log, and give the supervisors the rules that hold from the services' start."""
        for decider in self.deciders():
            self.log.add(decider)
        self.log.add(self.exits)
        self.sources.start(self.log, self.observer, self.needs.watched)
        self.log.start()
        self.scopes.start([rule for rule in case_rules if rule.fault.from_start])

    # -- services

    def launch(self, service: Service) -> None:
        """Start one service; its output and its system calls are observed from its first instruction."""
        if self.observer is not None:
            eyes.cgroup_of(self.world, service.name)
            self.observer.launching(service.name)
        self.sources.launching(service.name)
        process = self.world.launch(
            self._command(service),
            filter=self._ground.filter_for(self.needs, service.name),
            attach=self._attach(service.name),
        )
        with self._lock:
            launch = self._launches[service.name] = self._launches.get(service.name, 0) + 1
        outputs = outputs_of(
            service,
            process,
            self.place / "logs",
            launch,
            lines=service.name in self.needs.lines,
            observer=self.observer,
        )
        self.exits.started(process)
        with self._lock:
            self.outputs.setdefault(service.name, []).extend(outputs)
        for output in outputs:
            self.log.add(output.source)
        self.log.append("service_started", service.name, {"pid": str(process.pid), "binary": service.binary})

    def _resolve(self, name: str, service: Service) -> str:
        """What a name means to a service: itself, where it says localhost and has an address of its own."""
        named = self.spec.services.get(name, service)
        if name == "0.0.0.0":
            return named.own_address or "127.0.0.1"
        return named.own_address or ("localhost" if name == named.name else name)

    def _command(self, service: Service) -> worlds.Command:
        trusting = self._ground.authority is not None
        env = worlds.environment(service, self.spec.services.values(), trusting=trusting)
        return worlds.Command(
            service.name, (service.binary, *service.args), env, service.cwd, service.user, service.limits
        )

    def _attach(self, name: str) -> Callable[[int], None] | None:
        supervisor = self.supervisors.get(name)
        return supervisor.attach if supervisor is not None else None

    def wait_ready(self, service: Service, *, given_up: threading.Event) -> None:
        """Wait until the service answers, or the start has been given up. Raises worlds.NotReady."""
        worlds.wait_ready(
            service,
            alive=lambda: not given_up.is_set() and self.world.alive(service.name),
            resolve=lambda name: self._resolve(name, service),
            speaks=self._question,
            secures=lambda port: self.security.of_port(service, port),
        )
        self.log.append("service_ready", service.name, {})

    def _question(self, endpoint: Endpoint) -> Callable[[tuple[str, int], float], str]:
        """An interface's own question."""
        ready, tls = protocols.get(endpoint.interface.protocol).ready, self.security.of(endpoint)
        return ready if tls is None else partial(ready, tls=tls)

    def _exited(self, service: str) -> None:
        """A service's end is in the log already; bring it up again where the spec says so."""
        declared = self.spec.services.get(service)
        if declared is not None and declared.on_exit == "restart":
            self.restarts.ended(declared)

    def drive(self) -> None:
        """Services are ready: what this process does from now on is the scenario's."""
        if self.observer is not None:
            self.observer.driving()

    def conclude(self) -> None:
        """At the next sync of the log, calls that are not over become events of it: monitors must see them."""
        if self.observer is not None:
            self.observer.conclude()

    def stop(self, *, patience_ms: float = 0) -> None:
        """Ask every service to end, then make it; what has been written is in the logs afterwards."""
        self.restarts.end()
        alive = (name for name in self.needs.services if self.world.alive(name))
        self._said = {name: self._tail(name, LOG_LINES) for name in alive}
        self.exits.expected = True
        declared = (self.spec.services[name] for name in self.needs.services)
        self.world.stop({each.name: (each.stop_signal, max(each.stop_timeout_ms, patience_ms)) for each in declared})

    def close(self, *, keep: bool = False) -> None:
        """Nothing of the world is left afterwards, but its layers with `keep`."""
        for supervisor in self.supervisors.values():
            supervisor.stop()
        if self.edges is not None:
            self.edges.close()
        try:
            self.log.stop()
            for output in (each for outputs in self.outputs.values() for each in outputs):
                output.close()
            if self.observer is not None:
                self.observer.close()
            self.sources.close()
        finally:
            self.world.close(keep=keep)

    def deciders(self) -> list[syscalls.Supervisor | EdgeProcess]:
        """Everyone who decides by rules."""
        edge = self.edges.process if self.edges is not None else None
        return [*self.supervisors.values(), *([edge] if edge is not None else [])]

    def helpers(self) -> dict[str, int]:
        """The processes of ours that a verdict depends on, with their pidfds."""
        helpers = {f"the supervisor of {name}": each.pidfd for name, each in self.supervisors.items()}
        helpers["the world's init process"] = self.world.init_pidfd
        if self.edges is not None and self.edges.process is not None:
            helpers["the world's edge process"] = self.edges.process.pidfd
        return helpers

    def members(self) -> Iterable[int]:
        """The processes whose waiting for a processor counts as the case's own."""
        yield os.getpid()
        for supervisor in self.supervisors.values():
            yield supervisor.pid
        for name in self.needs.services:
            yield from self.world.members(name)

    # -- what the host needs

    def address_of(self, endpoint: Endpoint) -> tuple[str, int]:
        return endpoint.host, endpoint.port

    def log_tail(self, service: str) -> list[str]:
        """The last lines a service wrote, standard output and standard error in that order.

        What one says because it is stopped explains nothing, and would stand where an explanation is looked for.
        """
        said = self._said.get(service)
        return self._tail(service, LOG_LINES) if said is None else said

    def _tail(self, service: str, lines: int) -> list[str]:
        return [line for output in self.outputs.get(service, []) for line in output.tail(lines)][-lines:]

    def lost(self) -> list[SourceLost]:
        return list(self.log.lost)

    def _sever(self, service: str, ports: frozenset[int]) -> int:
        address = self.spec.services[service].own_address
        cut = network.sever(ports, address=address, spare_local_ports=protocols.open_ports())
        self.log.append("severed", service, {"connections": str(cut), "ports": ",".join(map(str, sorted(ports)))})
        return cut

    def _tell_of_rules(self, kind: str, rules: Sequence[AnyRule]) -> None:
        if kind == "fault_applied":
            armed.note(self.place, rules)
        told: dict[str, dict[str, str]] = {}
        for rule in rules:
            if isinstance(rule, Rule):
                told.setdefault(rule.target, {})[rule.keyword] = rule.fault.text
            else:
                fields = told.setdefault(rule.service, {})
                fields[f"{rule.interface}.{rule.fault.action}"] = rule.fault.text
        for target, fields in told.items():
            self.log.append(kind, target, fields)
