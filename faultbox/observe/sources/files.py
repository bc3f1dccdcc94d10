"""Which events of files a service's observation asks for."""

from __future__ import annotations

from collections.abc import Mapping

from faultbox.model.event import Event
from faultbox.model.observation import Watch
from faultbox.rules.globs import meets


def asked_for(event: Event, watched: Mapping[str, Watch]) -> bool:
    """Whether an event is to be given: all are but those of files that none of a service's globs means.

    A rename is about both of its paths.
    """
    if event.type != "file":
        return True
    watch = watched.get(event.service)
    if watch is None or not watch.globs:
        return True
    paths = [path for name in ("path", "to") if (path := event.fields.get(name, ""))]
    return any(meets(path, glob) for path in paths for glob in watch.globs)
