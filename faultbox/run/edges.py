"""The network side of a stage: proxies on the edges that may need them, steering to them, partitions."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from mmap import mmap
from pathlib import Path

from faultbox import network, proxy
from faultbox import world as worlds
from faultbox.model.fault import Trigger
from faultbox.model.host import Way
from faultbox.model.message import Edge, MessageRule, MessageRuleSet
from faultbox.model.observation import DRIVER
from faultbox.model.plan import Needs
from faultbox.model.topology import Service, Tls
from faultbox.network.cuts import Direction
from faultbox.run.eyes import cgroup_of, enter


class Edges:
    """What stands between the services of one world. Made while the process has one thread (it forks).

    `place` is the case's directory, for captures.
    """

    def __init__(
        self,
        needs: Needs,
        services: Sequence[Service],
        world: worlds.World,
        programs: network.Programs,
        counters: mmap,
        *,
        seed: int,
        place: Path,
        authority: proxy.Authority | None,
    ) -> None:
        assert world.cgroup is not None
        self._world = world
        self._cgroup = world.cgroup
        self._addresses = {each.name: each.own_address for each in services if each.own_address}
        self.process = (
            proxy.serve(
                needs.edges,
                seed=seed,
                counters=counters,
                addresses=self._addresses,
                secured=_secured(needs.edges, services),
                authority=authority,
                captures=_captures(needs, place / "pcap"),
            )
            if needs.edges
            else None
        )
        enter(self._cgroup / DRIVER, os.getpid())
        self.network = network.attach(programs, self._cgroup, own_netns=world.settings.netns is None)
        for service in services:
            self._give_address(service)
        for edge in needs.edges:
            self._steer(edge)
        if self.process is not None:
            self.process.forget_listeners()
        self._edges = needs.edges
        self._known = frozenset((edge.service, edge.interface) for edge in needs.edges)
        self._refusals: dict[Edge, tuple[int, network.Handle]] = {}
        self._refused: dict[int, int] = {}

    def knows(self, service: str, interface: str) -> bool:
        """Whether messages to this interface pass a proxy."""
        return (service, interface) in self._known

    def swap(self, ruleset: MessageRuleSet) -> None:
        """Put message rules in force; returns when every later message is decided by them."""
        if self.process is not None:
            self._refuse({edge: rule.slot for edge in self._edges if (rule := _refusing(edge, ruleset)) is not None})
            self.process.swap(ruleset)

    def refused(self, slot: int) -> int:
        """How many connections the kernel refused in the name of a rule, which no proxy has seen."""
        living = sum(self._count(edge) for edge, (by, _) in self._refusals.items() if by == slot)
        return self._refused.get(slot, 0) + living

    def release(self) -> None:
        """Let go of every message that waits: no rule will stand here again."""
        if self.process is not None:
            self.process.release(final=True)

    def partition(self, a: str, b: str, ports: tuple[Sequence[int], Sequence[int]], way: Way) -> list[network.Loss]:
        """Lose what a and b send each other, or one of them; `ports` are those of a and of b. Close all to heal."""
        towards: Direction = {"both": "both", "a_to_b": "out", "b_to_a": "in"}[way]  # type: ignore[assignment]
        back: Direction = {"both": "both", "a_to_b": "in", "b_to_a": "out"}[way]  # type: ignore[assignment]
        wanted = ((a, b, ports[1], towards), (b, a, ports[0], back))
        return [
            self.network.cut(self._of(caller), met, direction, address=self._addresses.get(callee))
            for caller, callee, met, direction in wanted
            if met
        ]

    def close(self) -> None:
        if self.process is not None:
            self.process.close()
        self.network.close()

    def _refuse(self, wanted: Mapping[Edge, int]) -> None:
        """Have exactly these edges refused by the kernel, each in the name of a rule's slot."""
        for edge, (slot, handle) in list(self._refusals.items()):
            if wanted.get(edge) != slot:
                self._refused[slot] = self._refused.get(slot, 0) + self._count(edge)
                handle.close()
                del self._refusals[edge]
        for edge, slot in wanted.items():
            if edge not in self._refusals:
                address = self._addresses.get(edge.service)
                handle = self.network.edge_refused(self._of(edge.caller), edge.port, address=address)
                self._refusals[edge] = (slot, handle)

    def _count(self, edge: Edge) -> int:
        address = self._addresses.get(edge.service)
        return self.network.refusals(self._of(edge.caller), edge.port, address=address)

    def _steer(self, edge: Edge) -> None:
        assert self.process is not None
        listener = self.process.listener(edge)
        six = listener.fd6 if listener.fd6 >= 0 else None
        address = self._addresses.get(edge.service)
        self.network.steer(self._of(edge.caller), edge.port, listener.fd4, six, address=address)

    def _give_address(self, service: Service) -> None:
        if service.own_address:
            for each in service.interfaces:
                self.network.own_address(self._of(service.name), each.port, service.own_address)

    def _of(self, caller: str) -> Path:
        """The cgroup of a caller, there before its first process."""
        if caller == DRIVER:
            return self._cgroup / DRIVER
        return cgroup_of(self._world, caller)


def _secured(edges: Sequence[Edge], services: Sequence[Service]) -> dict[Edge, Tls]:
    """The edges at which the spec has TLS, and how."""
    declared = {(service.name, each.name): each.tls for service in services for each in service.interfaces}
    return {edge: tls for edge in edges if (tls := declared[edge.service, edge.interface]) is not None}


def _refusing(edge: Edge, ruleset: MessageRuleSet) -> MessageRule | None:
    """The innermost rule that refuses every connection of an edge. Those with triggers are the proxy's affair."""
    for rule in ruleset.rules:
        concerned = (rule.service, rule.interface) == (edge.service, edge.interface) and rule.source in (
            "",
            edge.caller,
        )
        if (
            concerned
            and rule.fault.arguments.get("refuse")
            and not rule.fault.match
            and rule.fault.trigger == Trigger()
        ):
            return rule
    return None


def _captures(needs: Needs, directory: Path) -> dict[Edge, Path]:
    if needs.captures:
        directory.mkdir()
    return {each: directory / f"{each.caller}-{each.service}.{each.interface}.pcap" for each in needs.captures}
