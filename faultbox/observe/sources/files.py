"""What the kernel's programs tell of files, for services that ask for some of theirs only."""

from __future__ import annotations

from collections.abc import Mapping

from faultbox.model.event import Event, EventsLost, Source
from faultbox.model.observation import Watch
from faultbox.rules.globs import meets


class FileSource:
    """Another source without the events of files that none of a service's globs means. A rename is about two paths."""

    def __init__(self, source: Source, watched: Mapping[str, Watch]) -> None:
        self._source = source
        self._globs = {service: watch.globs for service, watch in watched.items() if watch.globs}

    @property
    def name(self) -> str:
        return self._source.name

    def fileno(self) -> int:
        return self._source.fileno()

    def drain(self) -> list[Event]:
        try:
            return self._meant(self._source.drain())
        except EventsLost as lost:
            raise EventsLost(lost.source, lost.reason, self._meant(lost.events), lost.types) from None

    def ask(self, token: int) -> None:
        self._source.ask(token)

    @property
    def promised(self) -> int:
        return self._source.promised

    def _meant(self, events: list[Event]) -> list[Event]:
        return [event for event in events if event.type != "file" or self._is_meant(event)]

    def _is_meant(self, event: Event) -> bool:
        globs = self._globs.get(event.service)
        if globs is None:
            return True
        paths = [path for name in ("path", "to") if (path := event.fields.get(name, "")).startswith("/")]
        return any(meets(path, glob) for path in paths for glob in globs)
