"""Every type of events that our code gives is one that filters may name."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

import faultbox
from faultbox.model import event_types
from faultbox.observe.sources.registry import KINDS

APPENDED = re.compile(r"""\.(?:append|_tell)\(\s*"([a-z_]+)",""")
MADE = re.compile(r"""Event\([^"]{1,60}, "([a-z_]+)",""")


def given() -> set[str]:
    """The types that the texts of our modules name where events are made."""
    texts = [path.read_text() for path in Path(faultbox.__file__).parent.rglob("*.py")]
    return {each for text in texts for pattern in (APPENDED, MADE) for each in pattern.findall(text)}


def test_what_is_given_may_be_named() -> None:
    assert {"step_send", "service_restarted", "syscall", "probe", "severed"} <= given()
    assert given() | {kind.events for kind in KINDS.values()} <= event_types.TYPES


@pytest.mark.parametrize("pattern", ["stdout", "std*", "*", "step_?ecv", "proxy"])
def test_known(pattern: str) -> None:
    assert event_types.known(pattern)


@pytest.mark.parametrize("pattern", ["", "stdot", "std", "STDOUT", "std_*", "topic"])
def test_not_known(pattern: str) -> None:
    assert not event_types.known(pattern)


@pytest.mark.parametrize("pattern", ["topic", "mock.GET", "proxy_started", "packet_fault_applied", "fs_*", "wal*"])
def test_of_the_go_tool(pattern: str) -> None:
    assert event_types.known_elsewhere(pattern)
    assert not event_types.known_elsewhere("stdot")
