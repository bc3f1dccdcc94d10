"""Whatever a builtin is called with, it answers in its own words: no Python error comes through."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faultbox.model.fault import Action, ActionKind, Assumption, Fault, Operation
from faultbox.model.host import AssertionFailed, SpecError, current
from faultbox.model.message import MessageAction
from faultbox.model.source import Position
from faultbox.model.spec import Monitor
from faultbox.model.topology import Endpoint, Healthcheck, Interface, Observation, Service
from faultbox.spec.broken import BROKEN
from faultbox.spec.builtin import Builtin
from faultbox.spec.builtins import BUILTINS, predeclared
from faultbox.spec.builtins.messages import Draft
from faultbox.spec.builtins.observing import Decoder
from faultbox.spec.builtins.values import Nowhere
from faultbox.spec.semantics.values import Dict, List
from faultbox.spec.session import Session

AT = Position("x.star", 1)
FAULT = Fault(Action(ActionKind.DENY, errno=5), AT)
MAIN = Interface("main", "http", 80, AT)
DB = Service("db", "/bin/sh", AT, (MAIN,))
FUNCTION = Builtin("f", lambda _site, _args, _named: None)

scalars = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.floats(),
    st.text(max_size=8),
    st.binary(max_size=4),
    st.sampled_from(["EIO", "1s", "30%", "/data/*", "write", "db", "http", "json", "in", "localhost:80", "../x", "\0"]),
    st.sampled_from(
        [
            FAULT,
            MAIN,
            DB,
            Endpoint("db", MAIN),
            FUNCTION,
            BROKEN,
            Assumption("a", AT, "db", (("write", FAULT),)),
            Monitor("m", lambda _event: None, AT),
            Operation(("write",), "", AT),
            Healthcheck("ready"),
            Observation("stdout"),
            Decoder("json"),
            Draft(MessageAction.DROP, AT),
            Draft(MessageAction.RESPOND, AT, {"status": 503, "path": "/x"}),
        ]
    ),
)
hashable = st.one_of(
    st.text(max_size=4), st.integers(), st.tuples(st.sampled_from([FUNCTION]), scalars.filter(callable))
)
values = st.recursive(
    scalars,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(List),
        st.lists(inner, max_size=2).map(tuple),
        st.dictionaries(st.text(max_size=4), inner, max_size=2).map(lambda pairs: Dict(pairs.items())),
    ),
    max_leaves=5,
)


@st.composite
def calls(draw: st.DrawFn, name: str) -> tuple[tuple[Any, ...], dict[str, Any]]:
    definition = BUILTINS[name]
    known = [each.name for each in definition.parameters]
    keys = st.one_of(
        st.sampled_from([*known, "write", "wal", "path", "status", "headers", "nonsense"]),
        st.text("abcd_", min_size=1, max_size=4),
    )
    return tuple(draw(st.lists(values, max_size=4))), draw(st.dictionaries(keys, values, max_size=5))


@pytest.mark.parametrize("name", list(BUILTINS))
@settings(max_examples=25, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(data=st.data())
def test_any_call(host: Any, tmp_path: Path, name: str, data: st.DataObject) -> None:
    args, named = data.draw(calls(name))
    for loading in (True, False):
        session = Session(tmp_path / "spec.star", loading=loading)
        predeclared(session)
        token = current.set(None if loading else host)  # type: ignore[arg-type]
        try:
            value = BUILTINS[name].invoke(session, Nowhere(), args, named)  # type: ignore[arg-type]
            assert value is BROKEN or not session.problems
        except (SpecError, AssertionFailed):
            assert not loading
        finally:
            current.reset(token)
