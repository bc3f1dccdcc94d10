"""What a page has of one case: its result, its trace, the ends of its logs, and the files it wrote."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from typing import Any

from faultbox.evidence.bundle import Bundle
from faultbox.evidence.errors import BadBundle
from faultbox.evidence.reporting.blocks import Unshowable, as_json, element, packed
from faultbox.evidence.reporting.clocks import clock_of
from faultbox.evidence.reporting.trace import CHUNK, BadEvent, Trace
from faultbox.model.record import to_json
from faultbox.model.verdict import CaseResult

LOG_BYTES = 256 << 10
"""Of each log, how much of its end is kept."""
MOST_FILES = 5_000


class CaseBlocks:
    """Reads a case and gives its elements. Raises BadBundle, as the bundle does."""

    def __init__(self, bundle: Bundle, directory: str, number: int, *, services: Sequence[str], most: int) -> None:
        self.number = number
        self.result = bundle.result(directory)
        self._bundle, self._directory = bundle, directory
        self._clock = clock_of(bundle.environment(directory))
        self._logs = [_log(bundle, name) for name in bundle.logs(directory)]
        self._files, self._more_files = self._changed()
        wanted = [each.get("seq") for each in self.result.deciding]
        self.trace = Trace(("driver", *services), [seq for seq in wanted if isinstance(seq, int)], most)
        try:
            self.trace.read(bundle.events(directory))
        except (BadEvent, Unshowable) as error:
            raise BadBundle(f"{bundle.path}: cases/{directory}/events.jsonl: {error}") from None

    def elements(self) -> Iterator[str]:
        """The case first, then the columns of its events, then their rows."""
        name = f"case-{self.number}"
        try:
            yield element(name, packed(as_json(self._shape())))
        except Unshowable as error:
            raise BadBundle(f"{self._bundle.path}: cases/{self._directory}/result.json: {error}") from None
        if self.trace.kept:
            yield element(f"{name}-columns", packed(self.trace.columns.content()))
        for number, chunk in enumerate(self.trace.chunks):
            yield element(f"{name}-rows-{number}", chunk)

    def left_out(self) -> Iterator[str]:
        """What the bundle has and the page has not, a sentence each."""
        trace = self.trace
        if trace.left_out:
            yield f"{trace.left_out:,} of its {trace.total:,} events: the first and the last ones are here"
        if trace.shortened:
            yield f"parts of {trace.shortened:,} events that are very long"
        if trace.spans.left_out:
            yield f"{trace.spans.left_out:,} spans of its timeline"
        for log in self._logs:
            if log["before"]:
                yield f"the first {log['before']:,} bytes of {log['name']}"
        if self._more_files:
            yield f"{self._more_files:,} of the files that it wrote"

    def _shape(self) -> dict[str, Any]:
        places = self.trace.places
        return {
            "result": to_json(self.result),
            "replay": replay_command(self._bundle, self.result),
            "deciding": [places.get(each.get("seq", -1), -1) for each in self.result.deciding],
            "trace": self._trace(),
            "logs": self._logs,
            "files": self._files,
            "captures": self._captures(),
            "extract": shlex.join(("faultbox", "inspect", self._bundle.path.name, self._directory, "--extract", "DIR")),
            "left_out": list(self.left_out()),
        }

    def _trace(self) -> dict[str, Any]:
        trace, clock = self.trace, self._clock
        spans = [
            {**span, **{name: span[name] - trace.start_ns for name in ("start", "ready", "end") if span.get(name)}}
            for span in trace.spans
        ]
        return {
            "lanes": trace.lanes,
            "shapes": trace.shapes,
            "spans": spans,
            "events": trace.kept,
            "total": trace.total,
            "gap_at": trace.gap_at if trace.left_out else -1,
            "left_out": trace.left_out,
            "chunk": CHUNK,
            "start_utc_ms": clock.utc_ms(trace.start_ns) if clock is not None else None,
        }

    def _captures(self) -> list[dict[str, Any]]:
        """What was said at edges, as packets: in the bundle only, other programs read it."""
        inside = f"cases/{self._directory}/pcap/"
        entries = (each for each in self._bundle.entries if each.filename.startswith(inside))
        return [{"name": each.filename.removeprefix(inside), "size": each.file_size} for each in entries]

    def _changed(self) -> tuple[list[dict[str, Any]], int]:
        name = f"cases/{self._directory}/changed.json"
        files = self._bundle.parsed(name) if self._bundle.has(name) else []
        if not isinstance(files, list) or not all(isinstance(each, dict) for each in files):
            raise BadBundle(f"{self._bundle.path}: {name}: must be a list of objects")
        return files[:MOST_FILES], max(0, len(files) - MOST_FILES)


def replay_command(bundle: Bundle, result: CaseResult) -> str:
    """The command that runs a case again, for a shell in the directory that the bundle is in."""
    return shlex.join(("faultbox", "replay", bundle.path.name, "--test", result.info.id))


def _log(bundle: Bundle, name: str) -> dict[str, Any]:
    text, before = bundle.end(name, LOG_BYTES)
    return {"name": name.rpartition("/logs/")[2], "text": text.decode("utf-8", errors="replace"), "before": before}
