"""How a case that runs is: its services, what its rules have counted, the ends of its logs."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from faultbox.model.frozen import frozen
from faultbox.model.update import CaseStarted
from faultbox.model.verdict import RuleReport
from faultbox.tui.files import CaseFiles
from faultbox.tui.vitals import Health, Vitals

_TAIL_BYTES = 2_000
_TAIL_LINES = 4


@frozen
class Glance:
    """What was seen at one moment. `ports` are by service: `main 8080/http`."""

    healths: tuple[Health, ...] = ()
    ports: Mapping[str, str] | None = None
    rules: tuple[RuleReport, ...] = ()
    tails: Mapping[str, tuple[str, ...]] | None = None


class Live:
    """Looks at one running case, again and again. A look takes some ms, whatever the services write."""

    def __init__(self, started: CaseStarted, ports: Mapping[str, str]) -> None:
        self.started = started
        self._ports = ports
        self._vitals = Vitals(Path(started.cgroup), ports) if started.cgroup else None

    def look(self, files: CaseFiles | None, now: float) -> Glance:
        """What there is to see. `now` is in seconds of the caller's clock."""
        logs = files.logs(_TAIL_BYTES) if files is not None else {}
        tails = {name: tuple(text.splitlines()[-_TAIL_LINES:]) for name, text in logs.items() if text}
        healths = tuple(self._vitals.look(now)) if self._vitals is not None else ()
        return Glance(healths, self._ports, files.rules() if files is not None else (), tails)
