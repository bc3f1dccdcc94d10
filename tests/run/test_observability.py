"""What a case can't see is never decided by silence."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from faultbox import plan as planner
from faultbox import spec as specs
from faultbox.model.event import SourceLost
from faultbox.model.message import Edge
from faultbox.model.observation import Watch
from faultbox.model.plan import Needs
from faultbox.model.source import Position
from faultbox.model.spec import Spec
from faultbox.model.syscalls import FAMILIES, every
from faultbox.model.topology import Observation, Service
from faultbox.run.observability import why_incomplete, why_not_observable
from faultbox.spec.gate import Gate

AT = Position("x.star", 1)
SPEC = Spec(Path("x.star"), {name: Service(name, "/bin/true", AT) for name in ("db", "api")}, (), (), (), {}, (), {})
NEEDS = Needs(
    ("db", "api"),
    filters={"db": FAMILIES["write"] | {"close"}},
    observed={"db": FAMILIES["write"]},
    watched={"db": Watch(calls=frozenset({"getpid"}), files=True), "api": Watch(sockets=True)},
    lines=frozenset({"api"}),
    edges=(Edge("driver", "api", "http", "http", 8080),),
)
NOT_EVERY = (
    "not every system call is observed in this case: name the one that is meant, as in "
    'syscall="fsync", or another type of event, as in type="stdout"'
)


@pytest.mark.parametrize(
    ("path", "seen"),
    [
        ("/log/a.log", True),
        ("/log/*", True),
        ("*.log", True),
        ("/log/b/x.txt", True),
        ("/log/typo.log", False),
        ("/lgo/*", False),
    ],
)
def test_a_file_that_nobody_reads_is_not_seen(path: str, seen: bool) -> None:
    read = (Observation("tail", paths=("/log/a.log",)), Observation("tail", paths=("/log/b/*",)))
    tailed = Service("db", "/bin/true", AT, observe=read)
    spec = dataclasses.replace(SPEC, services={**SPEC.services, "db": tailed})
    reason = why_not_observable({"type": "tail", "service": "db", "path": path}, NEEDS, spec)
    assert reason == ("" if seen else f"no tail of this case has the path {path!r}, only /log/a.log, /log/b/*")


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ({"type": "syscall", "service": "db", "syscall": "write"}, ""),
        ({"type": "syscall", "service": "db", "syscall": "close"}, "close of db is not observed in this case"),
        ({"type": "syscall", "service": "db", "syscall": "rename"}, "rename of db is not observed in this case"),
        ({"type": "syscall", "service": "api", "syscall": "write"}, "write of api is not observed in this case"),
        ({"type": "syscall", "service": "api", "decision": "deny*"}, ""),
        ({"syscall": "write"}, "write of api is not observed in this case"),
        ({"syscall": "mmap"}, "mmap of db and api is not observed in this case"),
        ({"type": "syscall", "service": "db", "path": "/etc/*"}, NOT_EVERY),
        ({"syscall": "f*", "service": "db"}, NOT_EVERY),
        ({"type": "syscall", "service": "api"}, NOT_EVERY),
        ({"type": "service_detached"}, ""),
        ({"type": "stdout", "service": "api"}, ""),
        ({"type": "stdout", "service": "db"}, "the output of db is not observed in this case"),
        ({"type": "step_recv"}, ""),
        ({"type": "proxy", "service": "api"}, ""),
        ({"type": "proxy_opened", "service": "db"}, "no proxy stands before db in this case"),
        ({"type": "proxy", "service": "db"}, "no proxy stands before db in this case"),
        ({"type": "service_exited", "service": "db"}, ""),
        ({"type": "topic"}, "nothing in this case gives events of type 'topic'"),
        ({"type": "syscall", "syscall": "getpid", "service": "db"}, ""),
        ({"type": "file", "service": "db"}, ""),
        ({"type": "file", "service": "api"}, "the files of api are not observed in this case"),
        ({"type": "file"}, "the files of api are not observed in this case"),
        ({"type": "socket", "service": "api"}, ""),
        ({"type": "socket", "service": "db"}, "the sockets of db are not observed in this case"),
        ({"path": "/x", "service": "api"}, NOT_EVERY),
        ({"type": "process"}, ""),
        ({"type": "tail", "service": "db"}, "nothing in this case gives events of type 'tail'"),
        ({"type": "s*"}, NOT_EVERY),
        ({"type": "std*"}, ""),
        ({}, ""),
    ],
)
def test_why_not(filters: dict[str, str], reason: str) -> None:
    assert why_not_observable(filters, NEEDS, SPEC) == reason


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ({"type": "syscall", "service": "db"}, f"{NOT_EVERY} (no BPF here)"),
        ({"type": "syscall", "service": "db", "syscall": "write"}, ""),
        ({"type": "file"}, "file events need BPF, and there is none: no BPF here"),
        ({"path": "/x"}, f"{NOT_EVERY} (no BPF here)"),
        ({"type": "f*"}, "file events need BPF, and there is none: no BPF here"),
        ({"type": "process"}, "process events need BPF, and there is none: no BPF here"),
        ({"type": "stdout", "service": "api"}, ""),
        ({"service": "db"}, ""),
    ],
)
def test_why_not_without_bpf(filters: dict[str, str], reason: str) -> None:
    blind = dataclasses.replace(NEEDS, watched={}, blind="no BPF here")
    assert why_not_observable(filters, blind, SPEC) == reason


def test_every_call_is_seen_where_filter_and_watch_add_up_to_all() -> None:
    watch = Watch(calls=every() - NEEDS.observed["db"])
    needs = dataclasses.replace(NEEDS, watched={"db": watch})
    assert why_not_observable({"type": "syscall", "service": "db"}, needs, SPEC) == ""
    assert why_not_observable({"type": "syscall"}, needs, SPEC) == NOT_EVERY


@pytest.mark.parametrize(
    ("judge", "reason"),
    [
        ('e.type == "file" and e.path == "/x"', "file events need BPF, and there is none: no BPF here"),
        ('e.type == "process"', "process events need BPF, and there is none: no BPF here"),
        ('e.type == "syscall" and e.path == "/x"', f"{NOT_EVERY} (no BPF here)"),
        ('e.type == "syscall" and e.syscall == "write" and e.service == "db"', ""),
        ('e.type == "step_recv"', ""),
        ('e.type == "file" and e.pth == "/x"', "events of type 'file' have no field 'pth': did you mean 'path'?"),
        (
            'e.type == "syscall" and e["errn"] == "EIO"',
            "events of type 'syscall' have no field 'errn': did you mean 'errno'?",
        ),
        ('e.type == "stdout" and e.pth == "/x" and e.time_ns > 0', ""),
        (
            'e.type in ("step_recv", "socket") and e.pth == "/x" and e.service == "nobody"',
            "socket events need BPF, and there is none: no BPF here",
        ),
        ('e.type == "sycall"', "there are no events of type 'sycall': did you mean 'syscall'?"),
        ('e.syscall == "fsnyc"', "there is no system call 'fsnyc': did you mean 'fsync'?"),
    ],
)
def test_what_a_function_may_mean_is_read_from_its_text(judge: str, reason: str, tmp_path: Path) -> None:
    path = tmp_path / "x.star"
    path.write_text(f"def test_a():\n    pass\nmonitor(lambda e: {judge})\n")
    with Gate() as gate:
        spec = specs.load(path, seed=1, gate=gate)
    blind = dataclasses.replace(NEEDS, watched={}, blind="no BPF here")
    assert why_not_observable({}, blind, SPEC, spec.monitors[0].functions[0]) == reason


@pytest.mark.parametrize(
    ("filters", "concerned"),
    [
        ({"type": "file"}, True),
        ({"type": "f*"}, True),
        ({"path": "/x"}, True),
        ({}, True),
        ({"type": "stdout"}, False),
        ({"type": "socket"}, False),
        ({"syscall": "fsync"}, False),
        ({"path": "/x", "method": "GET"}, False),
    ],
)
def test_a_loss_leaves_open_only_what_it_could_decide(filters: dict[str, str], concerned: bool) -> None:
    lost = [SourceLost("kernel", "3 gone", frozenset({"file"}))]
    reason = why_incomplete(lost, planner.judged(filters).types)
    assert reason == ("events were lost: kernel: 3 gone" if concerned else "")


def test_whoever_decides_tells_of_it_himself() -> None:
    met = planner.judged({"type": "syscall", "decision": "deny*"}).types
    assert why_incomplete([SourceLost("kernel", "3 gone", frozenset({"syscall"}))], met) == ""
    assert why_incomplete([SourceLost("supervisor of db", "gone")], met) != ""


def test_a_loop_over_all_events_says_what_it_misses() -> None:
    blind = dataclasses.replace(NEEDS, watched={}, blind="no BPF here", unlooped="file events")
    reason = "the file events that are looked for need BPF, and there is none: no BPF here"
    assert why_not_observable({}, blind, SPEC) == reason
