"""Reading a bundle, which may be a stranger's: nothing in it is trusted."""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import zipfile
import zlib
from collections.abc import Callable, Generator, Iterator
from pathlib import Path, PurePosixPath
from types import TracebackType
from typing import IO, Any, Self, TypeVar

from faultbox.evidence.asked import Asked, read_asked
from faultbox.evidence.errors import BadBundle
from faultbox.evidence.packing import SCHEMA_VERSION
from faultbox.evidence.strange import strange
from faultbox.model.plan import AssumptionUse, CaseInfo
from faultbox.model.record import BadRecord, from_json
from faultbox.model.verdict import CaseResult, RunResult

Kind = TypeVar("Kind")

MAX_ENTRIES = 200_000
MAX_ENTRY = 8 << 30
"""Bytes an entry may claim to have; the zip reader never gives more than what is claimed."""
MAX_TOTAL = 16 << 30
"""Bytes that all entries together may claim."""
MAX_READ = 64 << 20
"""Bytes of an entry that are read at once, and of a spec that are extracted."""
_MAX_LINE = 32 << 20
"""A line of output is 1 MiB at most; it may stand in its event raw and decoded, and escapes make six of a byte."""
_MAX_NAME = 255
"""Bytes of a file's name on Linux (NAME_MAX)."""
_MAX_SEED = 2**63 - 1
_SYMLINK = 0o120000
_BROKEN = (zipfile.BadZipFile, zlib.error, EOFError, NotImplementedError, RuntimeError, ValueError, OSError)
"""What zipfile raises for files that aren't what they say; OSError where one points before its own beginning."""


class Bundle:
    """A bundle: its manifest at once, everything else when it is asked for. Every method may raise BadBundle."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._file = path.open("rb")
        try:
            self._archive = zipfile.ZipFile(self._file)
        except _BROKEN as error:
            self._file.close()
            raise BadBundle(f"{path}: not a bundle: {error}") from None
        try:
            self._entries = self._checked()
            self.manifest = self._object("manifest.json")
            self._check_version()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, at: TracebackType | None) -> None:
        self.close()

    def close(self) -> None:
        self._archive.close()
        self._file.close()

    @property
    def seed(self) -> int:
        seed = self._field(self.manifest, "seed", int)
        if not 0 <= seed <= _MAX_SEED:
            raise self._bad("manifest.json: seed must be a number from 0 to 2**63 - 1")
        return seed

    @property
    def entries(self) -> list[zipfile.ZipInfo]:
        """What it holds, in its order: plain files with plain relative names, all of them."""
        return list(self._entries.values())

    def asked(self) -> Asked:
        """How the run was asked for."""
        return read_asked(self._field(self.manifest, "options", dict), self._bad)

    @property
    def original(self) -> str:
        """Where the spec was when it ran."""
        return self._field(self._field(self.manifest, "spec", dict), "original", str)

    @property
    def spec(self) -> str:
        """The entry of the spec that was run; the files it loaded lie around it as they did on disk."""
        name = self._field(self._field(self.manifest, "spec", dict), "root", str)
        if name not in self.sources:
            raise self._bad(f"has no spec {name!r}")
        return name

    @property
    def sources(self) -> list[str]:
        return [name for name in self._entries if name.startswith("spec/")]

    @property
    def cases(self) -> tuple[CaseInfo, ...]:
        """The plan."""
        return self._record(tuple[CaseInfo, ...], "plan.json")

    def directories(self) -> list[str]:
        """The cases that have a result, in the order of the plan."""
        entries = self._field(self.manifest, "cases", list)
        if not all(isinstance(each, dict) for each in entries):
            raise self._bad("manifest.json: cases must be objects")
        names = [self._field(each, "directory", str) for each in entries]
        if len(set(names)) != len(names):
            raise self._bad("manifest.json: two cases have one directory")
        return names

    @property
    def uses(self) -> tuple[AssumptionUse, ...]:
        """Which cases use which assumption."""
        return self._record(tuple[AssumptionUse, ...], "uses.json")

    @property
    def whole(self) -> list[tuple[str, int]]:
        """Every case of the run that this is a shard of, by id and run."""
        keys = self._field(self.manifest, "whole", list)
        try:
            return list(from_json(tuple[tuple[str, int], ...], keys))
        except BadRecord as error:
            raise self._bad(f"manifest.json: whole{error}") from None

    def environment(self, directory: str = "") -> dict[str, Any]:
        """The host that the run was on; in a merged bundle, that the case was on."""
        shape = self._object("environment.json")
        shards = shape.get("shards")
        if isinstance(shards, dict):
            entries = self._field(self.manifest, "cases", list)
            names = {each["directory"]: str(each.get("shard")) for each in entries if isinstance(each, dict)}
            shape = shards.get(names.get(directory, ""), shape)
        return shape if isinstance(shape, dict) else {}

    def outcome(self) -> RunResult:
        """The run's result with those of all its cases."""
        results = tuple(self.result(each) for each in self.directories())
        return dataclasses.replace(self._record(RunResult, "outcome.json"), results=results)

    def result(self, directory: str) -> CaseResult:
        result = self._record(CaseResult, f"cases/{directory}/result.json")
        if result.directory != directory:
            raise self._bad(f"cases/{directory}/result.json: is that of {result.directory!r}")
        if problem := strange(result):
            raise self._bad(f"cases/{directory}/result.json: {problem}")
        return result

    def events(
        self, directory: str, name: str = "events.jsonl", may_be: Callable[[bytes], bool] | None = None
    ) -> Iterator[dict[str, Any]]:
        """A case's events, or its `decisions.jsonl`, line by line; none where the case has no such file.

        `may_be` is shown each line, and those that it has no use for are not even parsed.
        """
        for line in self.lines(directory, name):
            if may_be is None or may_be(line):
                yield self._parsed_object(line, f"cases/{directory}/{name}")

    def lines(self, directory: str, name: str = "events.jsonl") -> Iterator[bytes]:
        """The lines of such a file; the half line that a killed case leaves is none."""
        entry = f"cases/{directory}/{name}"
        if entry not in self._entries:
            return
        try:
            with io.BufferedReader(self._archive.open(self._entries[entry]), 1 << 17) as lines:  # type: ignore[type-var]
                while line := lines.readline(_MAX_LINE):
                    if line.endswith(b"\n"):
                        yield line
                    elif len(line) >= _MAX_LINE:
                        raise self._bad(f"{entry}: a line is longer than {_MAX_LINE} bytes")
        except _BROKEN as error:
            raise self._bad(f"{entry}: {error}") from None

    def read(self, name: str) -> bytes:
        """An entry's content, at most MAX_READ bytes of it being acceptable."""
        if name not in self._entries:
            raise self._bad(f"has no {name}")
        try:
            with self._archive.open(self._entries[name]) as stream:
                content = stream.read(MAX_READ + 1)
        except _BROKEN as error:
            raise self._bad(f"{name}: {error}") from None
        if len(content) > MAX_READ:
            raise self._bad(f"{name} is larger than {MAX_READ >> 20} MiB")
        return content

    def copy(self, name: str, target: IO[bytes]) -> None:
        """An entry's content into a file. Raises OSError where that can't take it."""
        with contextlib.closing(self._pieces(name)) as pieces:
            for piece in pieces:
                target.write(piece)

    def _pieces(self, name: str) -> Generator[bytes, None, None]:
        """An entry's content, piece by piece."""
        try:
            with self._archive.open(self._entries[name]) as stream:
                while piece := stream.read(1 << 18):
                    yield piece
        except _BROKEN as error:
            raise self._bad(f"{name}: {error}") from None

    def has(self, name: str) -> bool:
        return name in self._entries

    def logs(self, directory: str) -> list[str]:
        """The entries of what a case's services printed."""
        return [name for name in self._entries if name.startswith(f"cases/{directory}/logs/")]

    def end(self, name: str, most: int) -> tuple[bytes, int]:
        """The last bytes of an entry, at most `most` of them, and how many there are before those."""
        kept, size = b"", 0
        for piece in self._pieces(name):
            size += len(piece)
            kept = (kept + piece)[-most:]
        return kept, size - len(kept)

    def parsed(self, name: str) -> Any:
        """An entry that is one JSON value."""
        return self._parsed(self.read(name), name)

    def _checked(self) -> dict[str, zipfile.ZipInfo]:
        """The entries by name, none of which could be taken for anything but a file inside the bundle."""
        infos = self._archive.infolist()
        if len(infos) > MAX_ENTRIES:
            raise self._bad(f"has more than {MAX_ENTRIES} entries")
        if sum(info.file_size for info in infos) > MAX_TOTAL:
            raise self._bad(f"claims more than {MAX_TOTAL >> 30} GiB in all")
        entries: dict[str, zipfile.ZipInfo] = {}
        for info in infos:
            if (problem := _hostile(info)) or info.filename in entries:
                raise self._bad(f"entry {info.filename!r} {problem or 'is there twice'}")
            entries[info.filename] = info
        return entries

    def _check_version(self) -> None:
        version = self._field(self.manifest, "schema_version", int)
        if version != SCHEMA_VERSION:
            advice = f"use the one that wrote it, {str(self.manifest.get('faultbox'))[:40]}"
            raise self._bad(f"has schema version {version}, this Faultbox reads {SCHEMA_VERSION}: {advice}")

    def _record(self, kind: type[Kind], name: str) -> Kind:
        try:
            return from_json(kind, self._parsed(self.read(name), name))
        except BadRecord as error:
            raise self._bad(f"{name}: {error}") from None

    def _object(self, name: str) -> dict[str, Any]:
        return self._parsed_object(self.read(name), name)

    def _parsed_object(self, text: bytes, name: str) -> dict[str, Any]:
        shape = self._parsed(text, name)
        if not isinstance(shape, dict):
            raise self._bad(f"{name}: is no JSON object")
        return shape

    def _parsed(self, text: bytes, name: str) -> Any:
        try:
            return json.loads(text.decode("utf-8", errors="surrogateescape"))
        except (ValueError, RecursionError) as error:
            raise self._bad(f"{name}: is no JSON that can be read: {error}") from None

    def _field(self, shape: dict[str, Any], name: str, kind: type[Kind]) -> Kind:
        value = shape.get(name)
        if type(value) is not kind:
            raise self._bad(f"manifest.json: {name} must be {kind.__name__}")
        return value

    def _bad(self, reason: str) -> BadBundle:
        return BadBundle(f"{self.path}: {reason}")


def _hostile(info: zipfile.ZipInfo) -> str:
    """Why an entry is refused; empty for a plain file with a plain relative name."""
    if problem := _hostile_name(info.orig_filename):
        return problem
    if (info.external_attr >> 16) & 0o170000 not in {0, 0o100000}:
        return "is a symlink" if (info.external_attr >> 16) & 0o170000 == _SYMLINK else "is no regular file"
    if info.flag_bits & 0x1:
        return "is encrypted"
    if info.compress_type not in {zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED}:
        return "is compressed in a way that is not read here"
    if info.file_size > MAX_ENTRY:
        return f"claims more than {MAX_ENTRY >> 30} GiB"
    return ""


def _hostile_name(name: str) -> str:
    parts = PurePosixPath(name).parts
    if name.startswith("/") or "\\" in name or "\0" in name or ".." in parts or name != "/".join(parts):
        return "has a name that leads elsewhere"
    if any(len(part.encode("utf-8", errors="surrogateescape")) > _MAX_NAME for part in parts):
        return f"has a name of more than {_MAX_NAME} bytes"
    return ""
