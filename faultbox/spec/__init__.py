"""From a `.star` file to a Spec: Starlark judged by starlark-go and run by CPython.

load(path, seed=1) -> Spec        raises SpecErrors: everything that is wrong, at once
frames(error)                     the lines of specs that an exception passed through
explain(error)                    what such an exception means, in the language's words
describe(function)                what a function of a spec is made of
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from faultbox.model.source import Position, SpecErrors

if TYPE_CHECKING:
    from faultbox.model.spec import Spec
    from faultbox.spec.functions import FunctionInfo, describe
    from faultbox.spec.gate import Gate
    from faultbox.spec.tracebacks import explain, frames

__all__ = ["FunctionInfo", "SpecErrors", "describe", "explain", "frames", "load"]
_HOMES = {"explain": "tracebacks", "frames": "tracebacks", "describe": "functions", "FunctionInfo": "functions"}


def __getattr__(name: str) -> object:
    """Import what a spec needs only when it is used."""
    import importlib

    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(name)
    return getattr(importlib.import_module(f"faultbox.spec.{home}"), name)


def load(
    path: Path,
    *,
    seed: int,
    root: Path | None = None,
    on_print: Callable[[str, Position], None] | None = None,
    gate: Gate | None = None,
    runnable: bool = True,
) -> Spec:
    """Evaluate a spec. Raises SpecErrors.

    `root` is the directory that relative paths in it belong to, its own where it is None.
    `on_print` gets what the spec prints while it loads, and where. A `gate` that was started early
    saves the time of its start; it is used up. One that is not `runnable` is only asked: what its services
    are started from need not be on this host.
    """
    from faultbox.spec.gate import Gate

    with gate or Gate() as judge:
        spec, clashes = _load(path, seed, root, on_print, gate=judge, runnable=runnable)
    if clashes:  # services that share a port are met at addresses of their own, which what was loaded did not know
        spec, _ = _load(path, seed, root, None, shared_ports=clashes, runnable=runnable)
    return spec


def _load(
    path: Path,
    seed: int,
    root: Path | None,
    on_print: Callable[[str, Position], None] | None,
    *,
    gate: Gate | None = None,
    shared_ports: frozenset[int] = frozenset(),
    runnable: bool,
) -> tuple[Spec, frozenset[int]]:
    """The spec, and the ports that several of its services have."""
    from faultbox.spec import builtins
    from faultbox.spec.loader import evaluate
    from faultbox.spec.session import Session

    directory = root.resolve() if root is not None else Path()
    session = Session(Path(path), seed, directory=directory, shared_ports=shared_ports, runnable=runnable)
    if on_print is not None:
        session.on_print = on_print
    names = builtins.predeclared(session)
    modules = evaluate(Path(path), names, on_print=session.on_print, session=session, gate=gate)
    if modules.root is None:
        raise SpecErrors(tuple(session.problems))
    spec = builtins.declared(session, modules)
    session.loading = False
    if session.problems:
        raise SpecErrors(tuple(session.problems))
    return spec, frozenset(session.clashes)
