"""Which interfaces `--pcap` means."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from fnmatch import fnmatchcase

from faultbox.model.protocols import PROTOCOLS
from faultbox.model.spec import Spec
from faultbox.model.topology import Endpoint
from faultbox.plan.select import NothingSelected


def captured(patterns: Sequence[str], spec: Spec) -> frozenset[tuple[str, str]]:
    """(service, interface) of those that a pattern names, as `db.main` or a glob of such names.

    Raises NothingSelected where a pattern names none, or one that no proxy can stand before.
    """
    known = {str(each): each for service in spec.services.values() for each in service.endpoints}
    found = [each for pattern in patterns for each in _meant(pattern, known)]
    return frozenset((each.service, each.interface.name) for each in found)


def _meant(pattern: str, known: dict[str, Endpoint]) -> list[Endpoint]:
    if pattern in known:
        if not _proxied(known[pattern]):
            protocol = known[pattern].interface.protocol
            can = ", ".join(name for name, each in PROTOCOLS.items() if each.actions)
            raise NothingSelected(
                f"{pattern} can't be captured: {protocol} has no proxy yet", f"those that have: {can}"
            )
        return [known[pattern]]
    found = [each for name, each in known.items() if fnmatchcase(name, pattern) and _proxied(each)]
    if not found:
        raise _unknown(pattern, known)
    return found


def _proxied(endpoint: Endpoint) -> bool:
    return bool(PROTOCOLS[endpoint.interface.protocol].actions)


def _unknown(pattern: str, names: Iterable[str]) -> NothingSelected:
    from difflib import get_close_matches

    names = list(names)
    near = get_close_matches(pattern, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    there = ", ".join(names) or "none: no service declares one"
    return NothingSelected(f"--pcap: no interface is called {pattern!r}{hint}", f"there are: {there}")
