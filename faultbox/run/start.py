"""Bringing up the services of a world: in parallel as far as `depends_on` allows."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from typing import Protocol

from faultbox.model.topology import Service


class Starter(Protocol):
    """What can start a service and wait for it (a Stage)."""

    def launch(self, service: Service) -> None: ...

    def wait_ready(self, service: Service, *, given_up: threading.Event) -> None: ...


class StartFailed(Exception):
    """A service did not come up; `service` names it, `reason` is its own error."""

    def __init__(self, service: str, reason: Exception) -> None:
        self.service = service
        self.reason = reason
        super().__init__(str(reason))


def start_all(stage: Starter, services: Sequence[Service]) -> None:
    """Launch every service once those it depends on are ready, and wait until all are. Raises StartFailed."""
    ready = {service.name: threading.Event() for service in services}
    given_up = threading.Event()
    failed: list[StartFailed] = []

    def bring_up(service: Service) -> None:
        try:
            for name in service.depends_on:
                if name in ready:
                    ready[name].wait()
            if not given_up.is_set():
                stage.launch(service)
                stage.wait_ready(service, given_up=given_up)
        except Exception as error:  # noqa: BLE001 - carried to the case's own thread
            failed.append(StartFailed(service.name, error))
            given_up.set()
        finally:
            ready[service.name].set()

    threads = [threading.Thread(target=bring_up, args=(service,), name=f"start-{service.name}") for service in services]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    if failed:
        raise failed[0]
