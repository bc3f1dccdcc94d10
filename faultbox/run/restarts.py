"""Services with on_exit="restart": brought up again when they end, at once at first and then ever more slowly."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

from faultbox import world as worlds
from faultbox.model.topology import Service

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
_LIVED_S = 10.0
"""A service that ran as long as this is brought up again at once."""
_STOPPED = (BrokenPipeError, EOFError)
"""What a launch meets whose world has been ended meanwhile."""


class Restarts:
    """`launch` starts a service. `tell(type, service, fields)` logs. Methods may be called from any thread."""

    def __init__(self, launch: Callable[[Service], None], tell: Callable[[str, str, dict[str, str]], None]) -> None:
        self._launch = launch
        self._tell = tell
        self._over = threading.Event()
        self._lock = threading.Lock()
        self._pauses: dict[str, float] = {}
        self._since: dict[str, float] = {}
        self._failed: dict[str, str] = {}

    def ended(self, service: Service) -> None:
        """A service has just ended; in a thread of its own it is started again."""
        if not self._over.is_set():
            threading.Thread(target=self._again, args=(service,), name=f"restart-{service.name}", daemon=True).start()

    def end(self) -> None:
        """Start nothing any more."""
        self._over.set()

    @property
    def failed(self) -> dict[str, str]:
        """Services that could not be started again, with why."""
        with self._lock:
            return dict(self._failed)

    def _again(self, service: Service) -> None:
        if self._over.wait(self._pause_s(service.name)):
            return
        try:
            self._launch(service)
        except _STOPPED:
            return
        except (worlds.LaunchError, worlds.WorldError) as error:
            if not self._over.is_set():
                with self._lock:
                    self._failed[service.name] = str(error)
                self._tell("service_restart_failed", service.name, {"reason": str(error)})
            return
        self._tell("service_restarted", service.name, {})

    def _pause_s(self, name: str) -> float:
        """How long to wait now: nothing the first time and after a long life, then twice as long each time."""
        now = time.monotonic()
        with self._lock:
            before = self._pauses.get(name, 0.0)
            lived = now - self._since.get(name, float("-inf"))
            pause = 0.0 if lived > _LIVED_S + before else min(max(before * 2, _FIRST_PAUSE_S), _LONGEST_PAUSE_S)
            self._pauses[name], self._since[name] = pause, now
        return pause
