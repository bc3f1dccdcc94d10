"""What a case leaves, while it runs and afterwards: its trace, its logs, its rules, the files it changed."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from faultbox import evidence
from faultbox.model.frozen import frozen
from faultbox.model.verdict import RuleReport
from faultbox.tui.trace import Trace

LOG_BYTES = 1 << 16
"""As much of a log's end is shown."""


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
        """To be closed; None where it is gone, or can't be read."""
        try:
            return Bundled(self.bundle, self.directory) if self.bundle is not None else Folder(Path(self.directory))
        except (OSError, evidence.BadBundle):
            return None


class CaseFiles:
    """A case's files, which may be large and in a bundle: what reads them whole belongs in a thread."""

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def trace(self) -> Trace | None:
        """To be closed; it outlives these files."""
        raise NotImplementedError

    def logs(self, most: int = LOG_BYTES) -> Mapping[str, str]:
        """The ends of logs, at most that many bytes of each, by `service.stream`."""
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

    def logs(self, most: int = LOG_BYTES) -> Mapping[str, str]:
        try:
            paths = sorted((self._directory / "logs").iterdir())
            return {path.name: _end(path, most) for path in paths}
        except FileNotFoundError:  # the run has been put away meanwhile
            return {}

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
        try:
            self._bundle.copy(name, copy)
            copy.flush()
        except BaseException:
            copy.close()
            raise
        return Trace(copy)

    def logs(self, most: int = LOG_BYTES) -> Mapping[str, str]:
        return {name.rpartition("/")[2]: self._text(name, most) for name in self._bundle.logs(self._directory)}

    def changed(self) -> list[dict[str, Any]]:
        name = f"cases/{self._directory}/changed.json"
        found = self._bundle.parsed(name) if self._bundle.has(name) else []
        return [each for each in found if isinstance(each, dict)] if isinstance(found, list) else []

    def close(self) -> None:
        self._bundle.close()

    def _text(self, name: str, most: int) -> str:
        end, before = self._bundle.end(name, most)
        return _whole_lines(end, cut=before > 0)


def _end(path: Path, most: int) -> str:
    with path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(0, size - most))
        return _whole_lines(file.read(most), cut=size > most)


def _whole_lines(data: bytes, *, cut: bool) -> str:
    text = data.decode("utf-8", "replace")
    return text.partition("\n")[2] if cut else text
