"""parallel(), sleep(), print() and struct()."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from faultbox.model.host import current
from faultbox.spec.builtins import kinds
from faultbox.spec.builtins.declarations import Declarations
from faultbox.spec.builtins.declare import Call, builtin
from faultbox.spec.builtins.structs import Struct
from faultbox.spec.builtins.values import Invocation
from faultbox.spec.builtins.wrong import Wrong
from faultbox.spec.semantics.printing import text
from faultbox.spec.semantics.values import List


@builtin("parallel", branches=kinds.function_of(0), unavailable={"interleavings": "exploration"})
def parallel(call: Call, *branches: Callable[..., Any]) -> List:
    """Runs functions at the same time, each in a thread of its own, and waits for all of them.

    *branches: two or more, called without arguments
    gives: a list of what they returned, in the order written
    """
    if len(branches) < 2:
        raise Wrong("MISSING_ARGUMENT", f"takes two or more functions, got {len(branches)}")
    return List(call.host.parallel([Invocation(each) for each in branches]))


@builtin("sleep", duration=kinds.duration, unavailable={"clock": "clock faults"})
def sleep(call: Call, duration: float) -> None:
    """Waits, while services go on.

    duration: how long
    """
    call.host.sleep(duration)


@builtin("print", args=kinds.anything, sep=kinds.text)
def print_(call: Call, *args: object, sep: str = " ") -> None:
    """Shows a line with the case's result, or before the run when the spec is being loaded.

    *args: what is shown
    sep: what stands between them
    """
    line = sep.join(text(each) for each in args)
    host = current.get(None)
    if host is not None:
        host.print(line, call.position)
    else:
        call.session.on_print(line, call.position)


@builtin("struct", fields=kinds.anything)
def struct(call: Call, **fields: Any) -> Struct:
    """Groups values under names: s = struct(a = 1); s.a.

    **fields: the values
    gives: a struct
    """
    made = Struct(fields)
    if call.session.loading:
        call.state(Declarations).structs.append(made)
    return made
