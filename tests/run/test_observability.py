"""What a case can't see is never decided by silence."""

from __future__ import annotations

from pathlib import Path

import pytest

from faultbox.model.message import Edge
from faultbox.model.plan import Needs
from faultbox.model.source import Position
from faultbox.model.spec import Spec
from faultbox.model.topology import Service
from faultbox.run.observability import why_not_observable

AT = Position("x.star", 1)
SPEC = Spec(Path("x.star"), {name: Service(name, "/bin/true", AT) for name in ("db", "api")}, (), (), (), {}, (), {})
NEEDS = Needs(
    ("db", "api"),
    filters={"db": frozenset({"write", "fdatasync"})},
    lines=frozenset({"api"}),
    edges=(Edge("driver", "api", "http", "http", 8080),),
)
NOT_EVERY = 'not every system call is observed in this case: name the one that is meant, as in syscall="fsync"'


@pytest.mark.parametrize(
    ("filters", "reason"),
    [
        ({"type": "syscall", "service": "db", "syscall": "write"}, ""),
        ({"type": "syscall", "service": "db", "syscall": "fsync"}, ""),
        ({"type": "syscall", "service": "db", "syscall": "rename"}, "rename of db are not observed in this case"),
        ({"type": "syscall", "service": "api", "syscall": "write"}, "write of api are not observed in this case"),
        ({"type": "syscall", "service": "api", "decision": "deny*"}, ""),
        ({"syscall": "write"}, ""),
        ({"type": "syscall", "service": "db", "path": "/etc/*"}, NOT_EVERY),
        ({"syscall": "f*", "service": "db"}, NOT_EVERY),
        ({"type": "syscall", "service": "api"}, "system calls of api are not observed in this case"),
        ({"type": "service_detached"}, ""),
        ({"type": "stdout", "service": "api"}, ""),
        ({"type": "stdout", "service": "db"}, "the output of db is not observed in this case"),
        ({"type": "step_recv"}, ""),
        ({"type": "proxy", "service": "api"}, ""),
        ({"type": "proxy", "service": "db"}, "no proxy stands before db in this case"),
        ({"type": "service_exited", "service": "db"}, ""),
        ({"type": "topic"}, "nothing in this version gives events of type 'topic'"),
        ({"type": "s*"}, ""),
        ({}, ""),
    ],
)
def test_why_not(filters: dict[str, str], reason: str) -> None:
    assert why_not_observable(filters, NEEDS, SPEC) == reason
