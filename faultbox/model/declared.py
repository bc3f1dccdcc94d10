"""What a spec declares, for those who read a bundle and will not evaluate the spec: a bundle's `declared.json`."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import field

from faultbox.model.frozen import frozen


@frozen
class DeclaredInterface:
    name: str
    protocol: str
    port: int


@frozen
class DeclaredService:
    """`ops` are the system calls of each of its operations; `files`: those operations that name a path."""

    name: str
    position: str
    interfaces: tuple[DeclaredInterface, ...] = ()
    depends_on: tuple[str, ...] = ()
    ops: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    files: tuple[str, ...] = ()


@frozen
class DeclaredFault:
    """A fault on system calls. `text` is as the spec would write it; `path`, `on` and `direction` are "" for any."""

    keyword: str
    action: str
    text: str
    path: str = ""
    on: str = ""
    direction: str = ""


@frozen
class DeclaredMessageFault:
    action: str
    side: str
    text: str
    match: Mapping[str, str] = field(default_factory=dict)


@frozen
class DeclaredAssumption:
    """`children` are the names of those it is composed of; `source` is the one caller it is about, "" for all."""

    name: str
    position: str
    description: str = ""
    target: str = ""
    interface: str = ""
    source: str = ""
    children: tuple[str, ...] = ()
    faults: tuple[DeclaredFault, ...] = ()
    rules: tuple[DeclaredMessageFault, ...] = ()


@frozen
class ExcludedPair:
    matrix: int
    row: str
    column: str


@frozen
class Declared:
    """Everything: `excluded` are the pairs of matrices that the spec leaves out."""

    services: tuple[DeclaredService, ...]
    assumptions: tuple[DeclaredAssumption, ...]
    excluded: tuple[ExcludedPair, ...] = ()
