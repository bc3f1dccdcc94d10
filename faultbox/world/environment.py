"""The environment of a service: closed, so that a case means the same on every machine."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterable, Mapping

from faultbox.model.topology import Service
from faultbox.world.trust import VARIABLES

_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


def environment(
    service: Service, services: Iterable[Service], *, host: Mapping[str, str] | None = None, trusting: bool = False
) -> dict[str, str]:
    """PATH and HOME of the run, LANG, PYTHONHASHSEED, every interface's address, and what the spec says; nothing else.

    `host` is the environment of the run (os.environ). What the spec says comes last and wins.
    `trusting`: the run has an authority, and programs are told where it is.
    A service with user= gets that user's HOME, where the user is known here.
    """
    host = os.environ if host is None else host
    closed = {
        "PATH": host.get("PATH") or _PATH,
        "HOME": _home(service.user) or host.get("HOME") or "/",
        "LANG": "C.UTF-8",
        "PYTHONHASHSEED": "0",
    }
    for each in services:
        closed.update(addresses(each))
    if trusting:
        closed.update(VARIABLES)
    closed.update(service.env)
    return closed


def addresses(service: Service) -> dict[str, str]:
    """FAULTBOX_<SERVICE>_<INTERFACE>_ADDR ("host:port"), _HOST and _PORT of each interface."""
    found = {}
    for endpoint in service.endpoints:
        prefix = f"FAULTBOX_{mangled(service.name)}_{mangled(endpoint.interface.name)}"
        found[f"{prefix}_ADDR"] = endpoint.addr
        found[f"{prefix}_HOST"] = endpoint.host
        found[f"{prefix}_PORT"] = str(endpoint.port)
    return found


def mangled(name: str) -> str:
    """A name as a part of a variable's: upper case, with `_` for what isn't a letter or digit."""
    return re.sub(r"[^A-Z0-9]", "_", name.upper())


def _home(user: str) -> str:
    name = user.partition(":")[0]
    if not name:
        return ""
    try:
        return (pwd.getpwuid(int(name)) if name.isdigit() else pwd.getpwnam(name)).pw_dir
    except KeyError:
        return ""
