"""What filters may ask of events of the kernel's programs is what these give."""

import pytest

from faultbox.model.event_types import FIELDS, OPS
from faultbox.observe import files, layout, lives, sockets
from faultbox.observe.peers import Peers

NOTHING = (1, 2, 3)


@pytest.mark.parametrize("kind", sorted(OPS))
def test_ops(kind):
    given = {"file": files._OPS, "socket": sockets._OPS, "process": tuple(lives._OPS.values())}
    assert OPS[kind] == given[kind]


def events():
    """Each kind of record, with all of it zero."""
    decoders = {
        **dict.fromkeys(files.KINDS, files.decode),
        **dict.fromkeys(sockets.KINDS, sockets.decoder(Peers(()), ("svc",), lambda: 0)),
        **dict.fromkeys((layout.Kind.FORKED, layout.Kind.EXECED, layout.Kind.EXITED), lives.decode),
    }
    for kind, decode in decoders.items():
        head = (*NOTHING, int(kind), 0, 0, 0)
        yield decode("svc", head, layout.RECORD.pack(*head) + bytes(256))


def test_fields():
    for event in events():
        assert set(event.fields) <= set(FIELDS[event.type]), event
