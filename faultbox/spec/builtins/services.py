"""The topology: service() and interface()."""

from __future__ import annotations

import resource
import signal
from collections.abc import Callable, Mapping
from typing import Any, Literal

from faultbox.model.fault import Operation
from faultbox.model.protocols import PROTOCOLS
from faultbox.model.syscalls import FAMILIES, known
from faultbox.model.topology import Healthcheck, Interface, Observation, Service, Tls
from faultbox.spec.builtins import kinds, paths
from faultbox.spec.builtins.declarations import Declarations
from faultbox.spec.builtins.declare import Call, builtin, declaration
from faultbox.spec.builtins.tls import tls_of_interface
from faultbox.spec.builtins.values import Invocation, nearest_name, show
from faultbox.spec.builtins.wrong import Wrong

TAKEN = frozenset(
    {"name", "target", "service", "services", "rules", "faults", "monitors", "description", "run", "source"}
)
"""Keywords beside which ops are written, as keywords too."""
RESERVED = frozenset({"driver"})
"""Lanes of the trace that are no service."""
_LIMITS = tuple(name.removeprefix("RLIMIT_").lower() for name in dir(resource) if name.startswith("RLIMIT_"))
_LATER = {
    "image": "containers",
    "build": "containers",
    "ports": "containers",
    "seccomp": "containers",
    "remote": "remote services",
    "reuse": "services that live across cases",
    "reset": "services that live across cases",
    "nondeterministic_ok": "determinism checks",
}
_HINTS = {
    "cmd": 'write the program as binary= and its arguments as args=["..."]',
    "command": 'write the program as binary= and its arguments as args=["..."]',
    "entrypoint": 'write the program as binary= and its arguments as args=["..."]',
    "tls": 'write it where it is spoken: interface("main", "http", 8443, tls=True)',
    "http": 'write healthcheck = http("localhost:8080/health")',
    "tcp": 'write healthcheck = tcp("localhost:5432")',
    "interface": 'pass interface("main", "tcp", 5432) without a name',
    "interfaces": 'pass each interface("main", "tcp", 5432) without a name',
    "port": 'pass interface("main", "tcp", 5432) without a name',
}


@builtin(
    "interface",
    name=kinds.identifier,
    protocol=kinds.text,
    port=kinds.port,
    tls=tls_of_interface,
    unavailable={"spec": "clients from API contracts"},
)
def interface(call: Call, name: str, protocol: str, port: int, *, tls: Tls | None = None) -> Interface:
    """A protocol on a port of a service, which is then reached as db.main.

    name: what the interface is called after the service's name
    protocol: what is spoken there: "http", "tcp", ...
    port: where the service listens
    tls: whether TLS is spoken there, and how
    gives: an interface, for service()
    """
    if name == "name":
        raise Wrong("BAD_NAME", "an interface can't be called \"name\": db.name is the service's own", at="name")
    if protocol not in PROTOCOLS:
        near = nearest_name(protocol, list(PROTOCOLS))
        raise Wrong(
            "UNKNOWN_PROTOCOL",
            f"unknown protocol {show(protocol, typed=False)}",
            accepted=", ".join(PROTOCOLS),
            nearest=near,
            at="protocol",
        )
    if tls is not None and not PROTOCOLS[protocol].tls:
        able = ", ".join(each for each, known in PROTOCOLS.items() if known.tls)
        raise Wrong("UNSUPPORTED", f"this version has no TLS for {protocol}", accepted=able, at="tls")
    made = Interface(name, protocol, port, call.position, tls)
    call.state(Declarations).loose[id(made)] = made
    return made


def service_or_name(value: Any, label: str) -> str:
    """a service or its name"""
    return value.name if isinstance(value, Service) else kinds.text(value, label)


_interface = kinds.instance(Interface, "an interface()")


def _binary_or_interface(value: Any, label: str) -> str | Interface:
    """the program, or an interface()"""
    return value if isinstance(value, str) else _interface(value, label)


@builtin(
    "service",
    name=kinds.name,
    parts=_binary_or_interface,
    binary=kinds.text,
    args=kinds.list_of(kinds.text),
    env=kinds.dict_of(kinds.text, kinds.text),
    cwd=kinds.text,
    user=kinds.text,
    depends_on=kinds.list_of(service_or_name),
    healthcheck=kinds.instance(Healthcheck, "http(...), tcp(...) or ready()"),
    seed=kinds.function_of(0),
    volumes=kinds.dict_of(kinds.text, kinds.text),
    limits=kinds.dict_of(kinds.choice(*_LIMITS), kinds.at_least(0)),
    stop_signal=kinds.signal_number,
    stop_timeout=kinds.duration,
    ops=kinds.dict_of(kinds.identifier, kinds.instance(Operation, "an op(...)")),
    observe=kinds.list_of(kinds.instance(Observation, "an observation, like observe.stdout()")),
    on_exit=kinds.choice("fail", "ignore", "restart"),
    unavailable=_LATER,
    hints=_HINTS,
)
@declaration
def service(
    call: Call,
    name: str,
    *parts: str | Interface,
    binary: str = "",
    args: tuple[str, ...] = (),
    env: Mapping[str, str] | None = None,
    cwd: str = "",
    user: str = "",
    depends_on: tuple[str, ...] = (),
    healthcheck: Healthcheck | None = None,
    seed: Callable[[], Any] | None = None,
    volumes: Mapping[str, str] | None = None,
    limits: Mapping[str, int] | None = None,
    stop_signal: int = int(signal.SIGTERM),
    stop_timeout: float = 1_000,
    ops: Mapping[str, Operation] | None = None,
    observe: tuple[Observation, ...] = (),
    on_exit: Literal["fail", "ignore", "restart"] = "fail",
) -> Service:
    """Declares a program that every case starts afresh in its own world.

    Relative paths belong to the directory of the spec that is run. The environment is closed: it holds
    PATH, HOME, LANG, FAULTBOX_<SERVICE>_<INTERFACE>_ADDR, _HOST and _PORT of every service, and env.

    name: what it is called in results, in filters and as a host name
    *parts: the program, unless it is given as binary, and any number of interfaces, in any order
    binary: the program; a name without a slash is looked up in PATH
    args: its arguments
    env: its environment, beside what every service gets
    cwd: where it starts; by default "/", so that relative paths in a program or script need it
    user: who it runs as: a name or uid, optionally ":" and a group
    depends_on: services that must be ready before it is started
    healthcheck: how it is asked whether it is ready; by default every interface on its own protocol
    seed: called once it is ready; what it leaves on disk is where every case begins
    volumes: directories of the host it may write to: {"./data": "/data"}
    limits: resource limits as in setrlimit(2): {"nofile": 256}
    stop_signal: how it is asked to stop
    stop_timeout: how long it may take before it is killed
    ops: names for groups of its system calls, usable as fault keywords
    observe: what of it becomes events: [observe.stdout(decoder=decoder("json")), observe.tail("/var/log/app.log")]
    on_exit: what its end means while a case runs: "fail" the case, "ignore" it, or "restart" the service
    gives: a service; db.main is an interface, db.main.addr its "host:port"
    """
    interfaces = tuple(each for each in parts if isinstance(each, Interface))
    env, ops, limits = env or {}, ops or {}, limits or {}
    _check_words(call, name, ops, env, user)
    _check_interfaces(call, name, interfaces)
    _check_healthcheck(call, interfaces, healthcheck)
    _check_observed(call, observe)
    program = _program(call, [each for each in (*parts, binary) if each and isinstance(each, str)])
    made = Service(
        name, program, call.position, interfaces, args, env, _directory(call, cwd), user,
        tuple(dict.fromkeys(depends_on)), healthcheck, Invocation(seed) if seed is not None else None,
        _volumes(call, volumes or {}), limits, stop_signal, stop_timeout, ops, observe, on_exit,
        _address(call, interfaces),
    )  # fmt: skip
    if not call.broken:
        call.state(Declarations).services[name] = made
    return made


def _check_name(declared: Declarations, name: str) -> None:
    if "." in name or not name[0].isalpha() or len(name) > 63:
        accepted = '1 to 63 letters, digits, "_" and "-", beginning with a letter'
        raise Wrong("BAD_NAME", f"name is not usable for a service: {show(name, typed=False)}", accepted=accepted)
    if name in RESERVED:
        raise Wrong("BAD_NAME", f"a service can't be called {name!r}: that is the scenario's own name in traces")
    for other in declared.services.values():
        if other.name == name:
            raise Wrong("DUPLICATE_NAME", f"a service {name!r} is declared at {other.position} already")
        if environment_name(other.name) == environment_name(name):
            shared = f"FAULTBOX_{environment_name(name)}_*"
            message = (
                f"{name!r} and {other.name!r} ({other.position}) would have the same environment variables, {shared}"
            )
            raise Wrong("DUPLICATE_NAME", message)


def environment_name(name: str) -> str:
    """A name as part of an environment variable: upper case, "_" for all but letters and digits."""
    return "".join(each if each.isascii() and each.isalnum() else "_" for each in name).upper()


def _check_interfaces(call: Call, name: str, interfaces: tuple[Interface, ...]) -> None:
    declared = call.state(Declarations)
    names: dict[str, Interface] = {}
    ports: dict[int, Interface] = {}
    for each in interfaces:
        declared.loose.pop(id(each), None)
        if each.name in names:
            call.problem(Wrong("DUPLICATE_NAME", f"two interfaces are called {each.name!r}"))
        if each.port in ports:
            message = f"interfaces {ports[each.port].name!r} and {each.name!r} have the same port, {each.port}"
            call.problem(Wrong("DUPLICATE_PORT", message))
        names[each.name] = ports[each.port] = each
    for other in declared.services.values():
        for theirs in other.interfaces:
            if theirs.port in ports and other.name != name:
                call.session.clashes.add(theirs.port)


def _check_observed(call: Call, observe: tuple[Observation, ...]) -> None:
    """A line is one event, by one decoder."""
    read = [" ".join((each.kind, *each.paths)) for each in observe if each.kind in ("stdout", "stderr", "tail")]
    for what in dict.fromkeys(each for each in read if read.count(each) > 1):
        call.problem(Wrong("DUPLICATE_ARGUMENT", f"observe has {what} twice, and a line is one event"))


def _check_healthcheck(call: Call, interfaces: tuple[Interface, ...], check: Healthcheck | None) -> None:
    """A question in plain to a port that speaks TLS would never be answered well."""
    if check is None or check.kind != "http" or not check.target.startswith("http://"):
        return
    for each in interfaces:
        if each.tls is not None and check.target.removeprefix("http://").partition("/")[0].endswith(f":{each.port}"):
            url = check.target.replace("http://", "https://", 1)
            message = f'interface {each.name!r} (port {each.port}) has tls=: write healthcheck = http("{url}")'
            call.problem(Wrong("BAD_ADDRESS", message, at="healthcheck"))


def _address(call: Call, interfaces: tuple[Interface, ...]) -> str:
    """Where a service is met: at localhost, unless another one has a port of it too."""
    if not call.session.shared_ports.intersection(each.port for each in interfaces):
        return "localhost"
    others = sum(1 for each in call.state(Declarations).services.values() if each.own_address)
    return f"127.77.{others // 250}.{others % 250 + 2}"


def _check_words(call: Call, name: str, ops: Mapping[str, Operation], env: Mapping[str, str], user: str) -> None:
    """What is wrong with names, each said once."""
    with call.noting("name"):
        _check_name(call.state(Declarations), name)
    for each in ops:
        if each in FAMILIES or each in known():
            message = f"an op can't be called {each!r}: that is a system call; try {each}_files"
            call.problem(Wrong("DUPLICATE_NAME", message, at="ops"))
        if each in TAKEN:
            call.problem(Wrong("DUPLICATE_NAME", f"an op can't be called {each!r}: fault() has that keyword", at="ops"))
    for variable, value in env.items():
        if not variable or "=" in variable or "\0" in variable + value:
            message = f"env can't hold {show(variable, typed=False)}: its name has no '=', and neither part has NUL"
            call.problem(Wrong("BAD_NAME", message, at="env"))
    with call.noting("user"):
        _check_user(call, user)


def _check_user(call: Call, user: str) -> None:
    import grp
    import pwd

    if not call.session.runnable:
        return
    name, _, group = user.partition(":")
    for given, find, what in ((name, pwd.getpwnam, "user"), (group, grp.getgrnam, "group")):
        if given and not given.isdigit():
            try:
                find(given)
            except KeyError:
                raise Wrong("UNKNOWN_USER", f"{what} {given!r} does not exist on this host") from None


def _program(call: Call, given: list[str]) -> str:
    """The absolute path of the one program; "" where there is a problem with it."""
    with call.noting():
        if not given:
            raise Wrong("MISSING_ARGUMENT", 'which program? pass it after the name, or binary="./bin/api"')
        if len(given) > 1:
            names = ", ".join(show(each, typed=False) for each in given)
            raise Wrong("DUPLICATE_ARGUMENT", f"two programs: {names}; arguments go into args=[...]")
        return paths.program(call.session, given[0])
    return ""


def _directory(call: Call, cwd: str) -> str:
    with call.noting("cwd"):
        return str(paths.directory(call.session, cwd, "cwd")) if cwd else ""
    return ""


def _volumes(call: Call, volumes: Mapping[str, str]) -> dict[str, str]:
    found = {}
    with call.noting("volumes"):
        for host, inside in volumes.items():
            if not inside.startswith("/"):
                shown = show(inside, typed=False)
                raise Wrong("BAD_PATH", f"volumes: the path in the world must be absolute, got {shown}")
            found[str(paths.directory(call.session, host, "volumes: the directory"))] = inside
    return found
