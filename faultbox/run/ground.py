"""The ground that worlds stand on: what the runner prepares once and every forked world inherits."""

from __future__ import annotations

import contextlib
import gc
import importlib
import os
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from faultbox import network, syscalls
from faultbox import plan as planner
from faultbox import world as worlds
from faultbox.link import Link
from faultbox.linux import cgroup, namespaces, seccomp
from faultbox.model.plan import Case, Needs, Plan
from faultbox.model.spec import Spec
from faultbox.model.topology import Tls
from faultbox.model.unfit import Unfit
from faultbox.run import room, summary
from faultbox.run.armed import armed
from faultbox.run.forking import fork
from faultbox.run.opening import Eyes, level_of_services
from faultbox.run.request import Request
from faultbox.world.layout import rmtree

if TYPE_CHECKING:
    from faultbox.observe.probes import Probes
    from faultbox.proxy import Authority


@dataclass
class Ground:
    """Everything that the worlds of a run share. Forked with the runner, never sent."""

    plan: Plan
    request: Request
    group: Path | None
    layout: worlds.Layout
    network: network.Programs | None = None
    eyes: Eyes = field(default_factory=Eyes)
    authority: Authority | None = None
    """The run's own, where some interface speaks TLS."""
    probes: Probes | None = None
    programs: dict[frozenset[str], bytes] = field(default_factory=dict)
    needs: dict[str, Needs] = field(default_factory=dict)

    def make_ready(self) -> None:
        """Compile the filters that cases need, and import what their worlds will use."""
        from faultbox.run import case  # noqa: F401 - every world would import it by itself

        for needs in self.needs.values():
            for name in needs.imports:
                importlib.import_module(name)
            for service in needs.filters:
                self.filter_for(needs, service)

    def filter_for(self, needs: Needs, service: str) -> bytes | None:
        """The compiled filter of a service in a case, or None where it needs none."""
        calls = needs.filters.get(service)
        return self._compile(calls, block_io_uring=service in needs.io_uring_blocked) if calls else None

    def _compile(self, calls: frozenset[str], *, block_io_uring: bool) -> bytes:
        key = calls | ({"io_uring_setup"} if block_io_uring else frozenset())
        program = self.programs.get(key)
        if program is None:
            program = self.programs[key] = syscalls.compile(calls, block_io_uring=block_io_uring)
        return program

    def settings(self, name: str, needs: Needs) -> worlds.Settings:
        """How the world of a case is made."""
        services = [self.plan.spec.services[each] for each in needs.services]
        return worlds.Settings(
            name=name,
            layout=self.layout,
            cgroup_parent=self.group,
            services=tuple(each.name for each in services),
            addresses={each.name: each.own_address for each in services if each.own_address},
            volumes={inside: host for each in services for host, inside in each.volumes.items()},
            visible=visible(self.plan, self.request),
            trust=self._trust(),
        )

    def _trust(self) -> worlds.Trust | None:
        if self.authority is None:
            return None
        beside = dict.fromkeys(each.ca_file for each in _secured(self.plan.spec) if each.ca_file)
        return worlds.Trust(self.authority.certificate, self.authority.file_name, tuple(beside))

    def fork_world(self, case: Case, place: Path, link: Link, strangers: Iterable[Link]) -> int:
        """Fork the process of a case's world; it sends `done` with the result over the link and ends."""
        needs = self.needs[case.id]
        return fork(lambda: self._live(case, needs, place, link), strangers)

    def _live(self, case: Case, needs: Needs, place: Path, link: Link) -> None:
        from faultbox.run.case import live

        try:
            result = live(case, needs, self, place, link)
        except Exception as error:
            if room.lacking(error) or room.gone(self.request.run_dir):
                result = summary.no_room(case, self.request.run_dir, armed(place))
            elif isinstance(error, worlds.WorldError):
                result = summary.not_made(case, error)
            else:
                raise
        link.send("done", result)

    def put_aside(self, world: str) -> None:
        """Keep the layers of a closed world where the warden doesn't remove them."""
        kept = self.request.run_dir / "kept" / world
        kept.parent.mkdir(exist_ok=True)
        try:
            self.layout.of(world).rename(kept)
        except OSError:  # the layers are on a file system of their own
            subprocess.run(["cp", "-a", str(self.layout.of(world)), str(kept)], check=True)

    def bury(self, place: Path) -> None:
        """Remove what a world that was killed could not remove itself."""
        if self.group is not None:
            if self.network is not None:
                self.network.forget(self.group / place.name)
            if self.probes is not None:
                self.probes.forget(self.group / place.name)
            if self.eyes.programs is not None:
                self.eyes.programs.forget(self.group / place.name)
            cgroup.remove(self.group / place.name)
        rmtree(self.layout.of(place.name))


def _secured(spec: Spec) -> list[Tls]:
    """How TLS is spoken at each interface that speaks it."""
    every = (each.tls for service in spec.services.values() for each in service.interfaces)
    return [each for each in every if each is not None]


def _authority(spec: Spec) -> Authority | None:
    """What signs the certificates that proxies show. Its making costs the import of cryptography."""
    if not _secured(spec):
        return None
    from faultbox.proxy import Authority

    return Authority.new()


def _network_programs(plan: Plan, needs: Iterable[Needs], group: Path | None) -> network.Programs | None:
    """Load the kernel programs of the network where a case needs them. Raises Unfit."""
    if not any(each.network for each in needs):
        return None
    if group is None:
        raise Unfit(
            "faults on the network need cgroups, and this user may make none",
            "run as root, or leave out rules=, partition() and --pcap",
        )
    shared = any(each.own_address for each in plan.spec.services.values())
    return network.prepare(("cut", "datagrams", "addresses") if shared else ("cut", "datagrams"))


def _probes(plan: Plan, request: Request, group: Path | None) -> Probes | None:
    """Compile and attach the probes of the spec. Raises Unfit."""
    services = list(plan.spec.services.values())
    if not any(one.probe for each in services for one in each.observe):
        return None
    from faultbox.observe import probes

    level = level_of_services(group)
    if level is None:
        raise Unfit("probes tell services apart by cgroups, and this user may make none", "run as root")
    return probes.prepare(services, level, request.layers_dir / "headers", request.run_dir.parent / "headers")


def visible(plan: Plan, request: Request) -> tuple[Path, ...]:
    """Directories of the user that services must see even where a world has its own (below /tmp, say)."""
    files = [Path(source).parent for source in plan.spec.sources if source.startswith("/")]
    services = plan.spec.services.values()
    binaries = [_installation(Path(each.binary)) for each in services]
    workplaces = [Path(each.cwd) for each in services if each.cwd]
    named = [
        Path(word).parent for each in services for word in each.args if word.startswith("/") and Path(word).is_file()
    ]
    root = [request.root] if request.root is not None else []
    return tuple(dict.fromkeys(path.resolve() for path in (*files, *binaries, *named, *workplaces, *root)))


def _installation(binary: Path) -> Path:
    """The directory that a program needs to be whole: a virtual environment, or where it lies."""
    environment = binary.parent.parent
    return environment if (environment / "pyvenv.cfg").exists() else binary.parent


@contextlib.contextmanager
def prepare(request: Request, plan: Plan, group: Path | None, eyes: Eyes) -> Iterator[Ground]:
    """Refuse what this host can't do, then prepare what all worlds share. Raises Unfit."""
    lacking = seccomp.support().reason
    if lacking:
        raise Unfit(
            f"system calls can't be decided here: {lacking}",
            "run `faultbox doctor` to see what this host can do and what to do about the rest",
        )
    needs = {case.id: planner.needs(case, plan.spec, blind=eyes.blind, captured=plan.captured) for case in plan.cases}
    programs = _network_programs(plan, needs.values(), group)
    probes = _probes(plan, request, group)
    if os.geteuid() != 0:
        try:
            namespaces.enter_user_namespace()
        except namespaces.NoUserNamespaces as error:
            raise Unfit("worlds can't be made by this user", str(error)) from error
    try:
        worlds.prepare(request.layers_dir)
    except worlds.NoLayers as error:
        raise Unfit(f"no place for the disks of worlds in {request.layers_dir}", str(error)) from error
    except PermissionError as error:
        raise Unfit(f"this root may not make worlds ({error.strerror})", "in a container, run it privileged") from error
    layout = worlds.Layout(request.run_dir, request.layers_dir)
    ground = Ground(plan, request, group, layout, programs, eyes, _authority(plan.spec), probes, needs=needs)
    try:
        ground.make_ready()
        gc.freeze()
        gc.enable()  # for the worlds; so far there was next to nothing to collect
        from faultbox.run import seeding

        seeding.plant(ground)
        yield ground
    finally:
        gc.unfreeze()
        if probes is not None:
            probes.close()
