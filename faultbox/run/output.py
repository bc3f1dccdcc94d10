"""What a service writes: drained to its log file, and to events where the case observes lines."""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Literal

from faultbox import observe
from faultbox import world as worlds
from faultbox.model.topology import Service


class ServiceOutput:
    """One stream of one launch. `source` drains it, whether or not anybody wants its lines as events."""

    def __init__(
        self,
        service: Service,
        stream: Literal["stdout", "stderr"],
        fd: int,
        path: Path,
        *,
        lines: bool,
        observer: observe.Observer | None,
    ) -> None:
        asked = next((each for each in service.observe if each.kind == stream), None)
        self._lines: list[tuple[bytes, str]] = []
        self._pipe, self._taken = os.fstat(fd).st_ino, 0
        self._ended = False
        self._observer = observer
        if observer is not None and (asked or lines):
            observer.printing(self._pipe)
        self._output = worlds.Output(fd, path, on_line=self._take if asked or lines else None)
        decode = observe.decoder(asked.decoder, asked.pattern) if asked and asked.decoder else None
        self.source = observe.OutputSource(
            service.name, stream, self._drain, self._fileno, decode, written=self._written
        )

    def tail(self, count: int) -> list[str]:
        """The last lines, in what has been drained."""
        return self._output.tail(count)

    def close(self) -> None:
        """Complete the file."""
        self._ended = True
        self._output.close()

    def _take(self, line: bytes, *, whole: bool) -> None:
        """Parts of overlong lines are lines. Bytes are numbered from 1 on, their line's end included."""
        first, self._taken = self._taken + 1, self._taken + len(line) + whole
        self._lines.append((line, f"pipe {self._pipe} {first} {self._taken}"))

    def _written(self, origins: Sequence[str]) -> list[int]:
        if self._observer is None:
            return [0] * len(origins)
        return self._observer.printed_ns(self._pipe, (int(each.rpartition(" ")[2]) for each in origins))

    def _drain(self) -> list[tuple[bytes, str]]:
        self._ended = not self._output.drain()
        lines, self._lines = self._lines, []
        return lines

    def _fileno(self) -> int:
        return -1 if self._ended else self._output.fileno()


def outputs_of(
    service: Service,
    process: worlds.Process,
    logs: Path,
    launch: int,
    *,
    lines: bool,
    observer: observe.Observer | None,
) -> list[ServiceOutput]:
    """Both streams of a service that was just launched; `launch` counts its launches, and names their files.

    `observer` knows when lines were written.
    """
    suffix = "" if launch == 1 else f".{launch}"
    streams: list[tuple[Literal["stdout", "stderr"], int]] = [("stdout", process.stdout), ("stderr", process.stderr)]
    return [
        ServiceOutput(service, name, fd, logs / f"{service.name}.{name}{suffix}", lines=lines, observer=observer)
        for name, fd in streams
    ]
