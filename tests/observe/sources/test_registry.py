"""Every kind of observation: what it gives, and how a world opens it."""

from __future__ import annotations

from pathlib import Path
from typing import get_args

import pytest

from faultbox.model.source import Position
from faultbox.model.topology import Observation, ObservationKind, Probe, Service
from faultbox.observe.sources.registry import KINDS, Surroundings, events_of, opened

AT = Position("x.star", 1)


def observed(*observations: Observation) -> Service:
    return Service("db", "/bin/db", AT, observe=observations)


def test_every_kind_is_registered() -> None:
    assert set(KINDS) == set(get_args(ObservationKind))


def test_a_service_says_what_events_it_gives() -> None:
    service = observed(
        Observation("stdout"), Observation("tail", paths=("/log",)), Observation("files", paths=("/**",))
    )
    assert events_of(service) == {"stdout", "tail", "file"}


def test_what_others_drain_is_not_opened() -> None:
    assert opened(observed(Observation("stdout"), Observation("files", paths=("/**",))), Surroundings("db", "/")) == []


def test_each_tail_is_a_source(tmp_path: Path) -> None:
    service = observed(Observation("tail", paths=("/a",)), Observation("tail", "regex", "(?P<n>.)", ("/b",)))
    sources = opened(service, Surroundings("db", str(tmp_path)))
    (tmp_path / "b").write_bytes(b"7\n")
    events = [event for source in sources for event in source.drain()]
    assert [(event.service, event.fields) for event in events] == [("db", {"path": "/b", "n": "7"})]
    for each in sources:
        each.launching()
        each.close()


def test_probes_must_have_been_prepared() -> None:
    service = observed(Observation("probe", probe=Probe("p", "", "", AT, ())))
    with pytest.raises(RuntimeError, match="the probes of db have not been prepared"):
        opened(service, Surroundings("db", "/"))
