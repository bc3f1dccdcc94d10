"""What a service writes: drained to its log file, and to events where the case observes lines."""

from __future__ import annotations

import os
import time
from pathlib import Path

from faultbox import observe
from faultbox import world as worlds
from faultbox.model.event import Event
from faultbox.model.topology import Observation, Service


class ServiceOutput:
    """One stream of a service as a source of the log. Its pipe is drained in any case, events or not."""

    def __init__(self, service: str, stream: str, fd: int, path: Path, decode: observe.Decoder | None) -> None:
        self.name = f"{service}.{stream}"
        self._service = service
        self._stream = stream
        self._lines: list[bytes] = []
        self._decode = decode
        self._output = worlds.Output(fd, path, on_line=self._lines.append if decode is not None else None)
        self._promised = 0

    @classmethod
    def pipes(cls, service: Service, logs: Path, *, lines: bool) -> tuple[list[ServiceOutput], list[int]]:
        """Sources for standard output and standard error, and the ends for the service to write to."""
        sources, writers = [], []
        for stream in ("stdout", "stderr"):
            reader, writer = os.pipe2(os.O_CLOEXEC)
            asked = next((each for each in service.observe if each.kind == stream), None)
            decode = observe.decoder(asked or Observation(stream)) if asked or lines else None  # type: ignore[arg-type]
            sources.append(cls(service.name, stream, reader, logs / f"{service.name}.{stream}", decode))
            writers.append(writer)
        return sources, writers

    def fileno(self) -> int:
        return self._output.fileno()

    def ask(self, token: int) -> None:
        self._asked = token

    _asked = 0

    @property
    def promised(self) -> int:
        return self._promised

    def drain(self) -> list[Event]:
        """What a service wrote before a promise was asked is in the pipe by then: an empty pipe is the promise."""
        asked = self._asked
        self._output.drain()
        self._promised = max(self._promised, asked)
        lines, self._lines[:] = list(self._lines), []
        return [self._event(line) for line in lines]

    def tail(self, count: int) -> list[str]:
        return self._output.tail(count)

    def _event(self, line: bytes) -> Event:
        assert self._decode is not None
        fields, data = self._decode(line)
        return Event(time.monotonic_ns(), self._stream, self._service, fields, data)
