"""Worlds with a Redis and an nginx in them, each in a process that puts load on them as its driver."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks import loads, toxiproxy
from benchmarks.loads import Load
from benchmarks.ports import await_port
from faultbox import network, world
from faultbox.link import Link
from faultbox.linux import cgroup
from faultbox.model.message import Edge, MessageAction, MessageFault, MessageRule, MessageRuleSet
from faultbox.model.observation import DRIVER
from faultbox.model.plan import Needs
from faultbox.model.source import Position
from faultbox.model.topology import Interface, Service
from faultbox.run import armed
from faultbox.run.edges import Edges
from faultbox.run.forking import fork

PORTS = {"redis": 6379, "http": 8080}
_BESIDE = 10_000
"""Toxiproxy listens at a service's port and this."""
_OTHER = "other"
"""A caller that says nothing, but has edges."""
_HERE = Position(__file__, 1)
_NGINX = f"""
daemon off; pid /tmp/nginx.pid; worker_processes 1; error_log stderr;
events {{ worker_connections 1024; }}
http {{
  access_log off; keepalive_requests 1000000000;
  server {{ listen 127.0.0.1:{PORTS["http"]}; location / {{ return 200 "{"o" * 1024}"; }} }}
}}
"""
_NEVER = {
    "redis": ({"command": "GET", "key": "never:*"}, {"command": "SET"}),
    "http": ({"method": "GET", "path": "/never/**"}, {"method": "POST", "path": "/orders/*"}),
}
"""What rules ask for that no load has: one differs in its last key, one in its first."""
_ERROR: dict[str, dict[str, Any]] = {
    "redis": {"message": "injected fault"},
    "http": {"status": 500, "message": "injected fault"},
}


class Way(NamedTuple):
    """Which site is asked, and what stands in it meanwhile."""

    site: str
    standing: str = ""


DIRECT = Way("plain")
TOXIPROXY = Way("plain", "toxiproxy")
NO_EDGE = Way("apart")
PARTITION = Way("apart", "partition")
NO_RULES = Way("steered")
RULES = Way("steered", "rules")


class Ground(NamedTuple):
    """What sites share: a scratch directory, a cgroup to make theirs in, kernel programs, toxiproxy's server."""

    directory: Path
    group: Path
    programs: network.Programs
    toxiproxy: Path | None


class Site:
    """A world's process, as those who ask it for figures see it. It dies with this process."""

    def __init__(self, name: str, ground: Ground) -> None:
        self._link, other = Link.pair()

        def live() -> None:
            with contextlib.ExitStack() as stack:
                _serve(_Place(name, ground, stack), other)

        self._pid = fork(live, [self._link])
        other.close()
        self._link.call("begin")

    def load(self, standing: str, protocol: str) -> Load:
        """What a load on a service meets while this stands there. Raises EOFError where the site is gone."""
        load: Load = self._link.call("load", (standing, protocol)).body
        return load

    def close(self) -> None:
        self._link.close()
        os.waitpid(self._pid, 0)


def _serve(place: _Place, link: Link) -> None:
    while (frame := link.receive()) is not None:
        if frame.kind == "begin":
            link.send("ready")
        else:
            link.send("load", place.load(*frame.body))


class _Place:
    """This process's world, its services, and what may stand before them. `stack` ends it all."""

    def __init__(self, name: str, ground: Ground, stack: contextlib.ExitStack) -> None:
        directory, group, programs, toxi = ground
        self._directory = directory / name
        self._epoch = 0
        layout = world.Layout(self._directory / "run", directory / "layers")
        layout.run_dir.mkdir(parents=True)
        self._world = world.World.open(world.Settings(name, layout, group))
        stack.callback(self._world.close)
        self._edges = None if name == "plain" else self._made(programs, _caller(name))
        if self._edges is None:
            _enter(cgroup.create(group / name / DRIVER))
        else:
            stack.callback(self._edges.close)
        self._launch()
        if name == "plain" and toxi is not None:
            proxied = {port + _BESIDE: port for port in PORTS.values()}
            stack.enter_context(toxiproxy.running(toxi, proxied, self._directory))

    def _made(self, programs: network.Programs, caller: str) -> Edges:
        edges = tuple(Edge(caller, name, "main", name, port) for name, port in PORTS.items())
        services = [Service(name, name, _HERE, (Interface("main", name, port, _HERE),)) for name, port in PORTS.items()]
        needs = Needs(tuple(PORTS), edges=edges, network=True)
        self._counters = armed.Counters(self._directory)
        page = self._counters.page
        return Edges(needs, services, self._world, programs, page, seed=1, place=self._directory, authority=None)

    def _launch(self) -> None:
        config = self._directory / "nginx.conf"
        config.write_text(_NGINX, encoding="ascii")
        quiet = ("--save", "", "--loglevel", "warning", "--dir", "/tmp", "--port", str(PORTS["redis"]))
        path = {"PATH": os.environ["PATH"]}
        self._world.launch(world.Command("redis", ("redis-server", *quiet), path))
        self._world.launch(world.Command("http", ("nginx", "-c", str(config)), path))
        for port in PORTS.values():
            await_port(port)
        loads.fill_redis(PORTS["redis"])

    def load(self, standing: str, protocol: str) -> Load:
        with self._standing(standing):
            port = PORTS[protocol] + (_BESIDE if standing == "toxiproxy" else 0)
            return loads.redis(port) if protocol == "redis" else loads.http(port, self._directory)

    @contextlib.contextmanager
    def _standing(self, what: str) -> Iterator[None]:
        if what == "rules":
            self._swap(_rules(self._counters))
            yield
            self._swap(())
        elif what == "partition":
            assert self._edges is not None
            ports = tuple(PORTS.values())
            with contextlib.ExitStack() as stack:
                for handle in self._edges.partition(_OTHER, "redis", ((), ports), "both"):
                    stack.callback(handle.close)
                yield
        else:
            yield

    def _swap(self, rules: tuple[MessageRule, ...]) -> None:
        assert self._edges is not None
        self._epoch += 1
        self._edges.swap(MessageRuleSet(rules, self._epoch))


def _caller(site: str) -> str:
    return DRIVER if site == "steered" else _OTHER


def _rules(counters: armed.Counters) -> tuple[MessageRule, ...]:
    return tuple(
        MessageRule(
            f"never {name} {number}",
            name,
            "main",
            name,
            MessageFault(MessageAction.ERROR, _HERE, match=match, arguments=_ERROR[name]),
            slot=counters.claim(),
        )
        for name, matches in _NEVER.items()
        for number, match in enumerate(matches)
    )


def _enter(group: Path) -> None:
    (group / "cgroup.procs").write_text(str(os.getpid()), encoding="ascii")
