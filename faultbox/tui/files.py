"""What a case leaves, while it runs and afterwards: its trace by line, its logs, its rules."""

from __future__ import annotations

import json
import os
import tempfile
from array import array
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import IO, Any, Self

from faultbox import evidence
from faultbox.model.event import Event
from faultbox.model.frozen import frozen
from faultbox.model.verdict import RuleReport

_CHUNK = 1 << 20
LOG_BYTES = 1 << 16
"""As much of a log's end is shown."""

Wanted = Callable[[Event], bool]


@frozen
class Place:
    """Where a case lies: in the directory where it runs, or in a bundle."""

    bundle: Path | None
    directory: str

    @classmethod
    def folder(cls, directory: Path) -> Self:
        return cls(None, str(directory))

    @classmethod
    def bundled(cls, bundle: Path, directory: str) -> Self:
        return cls(bundle, directory)

    def open(self) -> CaseFiles | None:
        """None where it is gone, or can't be read."""
        try:
            return Bundled(self.bundle, self.directory) if self.bundle is not None else Folder(Path(self.directory))
        except (OSError, evidence.BadBundle):
            return None


class Trace:
    """The lines of an events.jsonl that may still grow: found by `index`, read one by one. One thread at a time."""

    def __init__(self, file: IO[bytes]) -> None:
        self._file = file
        self._starts = array("Q", [0])
        self._end = 0

    def __len__(self) -> int:
        """How many whole lines have been found so far."""
        return len(self._starts) - 1

    def index(self, most: int = _CHUNK) -> bool:
        """Look through the next bytes, at most that many; whether there were any."""
        self._file.seek(self._end)
        chunk = self._file.read(most)
        at = -1
        while (at := chunk.find(b"\n", at + 1)) >= 0:
            self._starts.append(self._end + at + 1)
        self._end += len(chunk)
        return bool(chunk)

    def event(self, number: int) -> Event | None:
        """The line of that number, counted from 0; None where it is no event."""
        self._file.seek(self._starts[number])
        return parse(self._file.read(self._starts[number + 1] - self._starts[number]))

    def close(self) -> None:
        self._file.close()


def parse(line: bytes) -> Event | None:
    """An event from a line of events.jsonl, which may be a stranger's."""
    try:
        shape = json.loads(line)
        fields = {str(name): str(value) for name, value in shape["fields"].items()}
        return Event(int(shape["time_ns"]), str(shape["type"]), str(shape["service"]), fields, {}, int(shape["seq"]))
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError):
        return None


class CaseFiles:
    """A case's files. `logs` gives names and ends of logs, by `service.stream`; `rules` what is counted so far."""

    def trace(self) -> Trace | None:
        raise NotImplementedError

    def logs(self) -> Mapping[str, str]:
        raise NotImplementedError

    def rules(self) -> tuple[RuleReport, ...]:
        """Of a case that runs; a finished one's are in its result."""
        return ()

    def changed(self) -> list[dict[str, Any]]:
        """The files that the case wrote; empty before its end."""
        raise NotImplementedError

    def close(self) -> None:
        pass


class Folder(CaseFiles):
    """A case whose run has not been put away yet."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        os.stat(directory)

    def trace(self) -> Trace | None:
        try:
            return Trace((self._directory / "events.jsonl").open("rb"))
        except FileNotFoundError:
            return None

    def logs(self) -> Mapping[str, str]:
        try:
            paths = sorted((self._directory / "logs").iterdir())
        except FileNotFoundError:
            return {}
        return {path.name: _end(path) for path in paths}

    def rules(self) -> tuple[RuleReport, ...]:
        from faultbox.run.armed import armed

        return armed(self._directory)

    def changed(self) -> list[dict[str, Any]]:
        try:
            return list(json.loads((self._directory / "changed.json").read_bytes()))
        except (OSError, ValueError):
            return []


class Bundled(CaseFiles):
    """A case of a bundle, which may be a stranger's."""

    def __init__(self, path: Path, directory: str) -> None:
        self._bundle = evidence.open(path)
        self._directory = directory

    def trace(self) -> Trace | None:
        name = f"cases/{self._directory}/events.jsonl"
        if not self._bundle.has(name):
            return None
        copy = tempfile.TemporaryFile()  # noqa: SIM115 - the trace closes it
        self._bundle.copy(name, copy)
        return Trace(copy)

    def logs(self) -> Mapping[str, str]:
        return {name.rpartition("/")[2]: self._text(name) for name in self._bundle.logs(self._directory)}

    def changed(self) -> list[dict[str, Any]]:
        name = f"cases/{self._directory}/changed.json"
        found = self._bundle.parsed(name) if self._bundle.has(name) else []
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def close(self) -> None:
        self._bundle.close()

    def _text(self, name: str) -> str:
        end, before = self._bundle.end(name, LOG_BYTES)
        return _whole_lines(end, cut=before > 0)


def _end(path: Path) -> str:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - LOG_BYTES))
        return _whole_lines(file.read(), cut=size > LOG_BYTES)


def _whole_lines(data: bytes, *, cut: bool) -> str:
    text = data.decode("utf-8", "replace")
    return text.partition("\n")[2] if cut else text
