"""Shards of one run as one bundle, with the verdict of the whole."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from faultbox.evidence.archive import Archive, write
from faultbox.evidence.bundle import Bundle
from faultbox.evidence.packing import case_summary, counts, default_name
from faultbox.model.frozen import frozen
from faultbox.model.plan import CaseInfo
from faultbox.model.record import to_json
from faultbox.model.shard import Shard
from faultbox.model.verdict import CaseResult, RunResult, Verdict
from faultbox.run.spool import case_name
from faultbox.run.summary import vacuous

_WORST_FIRST = (Verdict.FAILED, Verdict.ERRORED, Verdict.INCONCLUSIVE, Verdict.HALTED, Verdict.PASSED)


class NotOneRun(Exception):
    """These bundles are no shards of one run; `advice` says what would be."""

    def __init__(self, message: str, advice: str) -> None:
        self.advice = advice
        super().__init__(message)


@frozen
class _Part:
    """A shard: its bundle and what it found."""

    shard: Shard
    bundle: Bundle
    outcome: RunResult


@frozen
class _Placed:
    """A case of the whole: its result as the merged bundle has it, and where its files are."""

    result: CaseResult
    part: _Part
    directory: str


@frozen
class Merged:
    """The whole run: its plan as far as the shards know it, and what came out of it."""

    parts: tuple[_Part, ...]
    cases: tuple[CaseInfo, ...]
    placed: tuple[_Placed, ...]
    outcome: RunResult

    def write(self, path: Path) -> Path:
        """One bundle of it, in a directory or as a file; returns where it is. Raises OSError or BadBundle."""
        return write(path, default_name(self.parts[0].bundle.manifest), self._fill)

    def _fill(self, archive: Archive) -> None:
        first = self.parts[0].bundle
        archive.json("manifest.json", self._manifest())
        environments = {str(each.shard): each.bundle.environment() for each in self.parts}
        about = {name: value for name, value in first.environment().items() if name != "clock"}
        archive.json("environment.json", {**about, "shards": environments})
        archive.json("plan.json", to_json(self.cases))
        archive.json("uses.json", to_json(first.uses))
        archive.json("outcome.json", to_json(dataclasses.replace(self.outcome, results=())))
        archive.json("declared.json", first.parsed("declared.json"))
        for name in first.sources:
            archive.content(name, first.read(name))
        for each in self.placed:
            _copy_case(archive, each)

    def _manifest(self) -> dict[str, Any]:
        first = self.parts[0].bundle.manifest
        shards = {each.result.directory: str(each.part.shard) for each in self.placed}
        return {
            **first,
            "started": min(str(each.bundle.manifest.get("started")) for each in self.parts),
            "complete": all(each.bundle.manifest.get("complete") for each in self.parts),
            "exit": int(self.outcome.exit),
            "counts": counts(self.outcome),
            "options": {**first["options"], "shard": None},
            "shards": [str(each.shard) for each in self.parts],
            "whole": None,
            "cases": [{**case_summary(each), "shard": shards[each.directory]} for each in self.outcome.results],
        }


def merge(bundles: Sequence[Bundle]) -> Merged:
    """The whole of which the bundles are shards; a shard that is missing is an error of the run.

    Assumptions are judged here, over all shards. Raises NotOneRun or BadBundle.
    """
    parts = tuple(sorted(map(_part, bundles), key=lambda part: part.shard.index))
    _check_one_run(parts)
    order = {key: number for number, key in enumerate(parts[0].bundle.whole)}
    placed = tuple(_placed(parts, order))
    infos = {(info.id, info.run): info for part in parts for info in part.bundle.cases}
    results = tuple(each.result for each in placed)
    dead, warnings = vacuous(parts[0].bundle.uses, results)
    outcome = RunResult(
        seed=parts[0].outcome.seed,
        results=results,
        dead=tuple(dead),
        warnings=(*warnings, *_said(parts, lambda run: run.warnings)),
        errors=(*_said(parts, lambda run: run.errors), *_missing(parts, order, infos)),
        strict=parts[0].outcome.strict,
        duration_ms=max(part.outcome.duration_ms for part in parts),
    )
    cases = tuple(infos[key] for key in order if key in infos)
    return Merged(parts, cases, placed, outcome)


def _part(bundle: Bundle) -> _Part:
    shard = bundle.asked().shard
    if shard is None:
        raise NotOneRun(f"{bundle.path} is no shard", "merge takes bundles of `faultbox test --shard I/N`")
    return _Part(shard, bundle, bundle.outcome())


def _check_one_run(parts: Sequence[_Part]) -> None:
    first = parts[0]
    seen: dict[int, _Part] = {}
    for part in parts:
        same: Mapping[str, Callable[[_Part], object]] = {
            "number of shards": lambda part: part.shard.count,
            "seed": lambda part: part.bundle.seed,
            "options": lambda part: dataclasses.replace(part.bundle.asked(), shard=None),
            "spec": lambda part: [(name, part.bundle.read(name)) for name in part.bundle.sources],
            "plan": lambda part: (part.bundle.whole, [(each.name, each.cases) for each in part.bundle.uses]),
        }
        for what, of in same.items():
            if of(part) != of(first):
                message = f"{part.bundle.path} and {first.bundle.path} are not of one run: another {what}"
                raise NotOneRun(message, "run all shards with the same spec, --seed and options")
        if (twice := seen.setdefault(part.shard.index, part)) is not part:
            message = f"{part.bundle.path} and {twice.bundle.path} are both shard {part.shard}"
            raise NotOneRun(message, "name each shard once")


def _placed(parts: Sequence[_Part], order: Mapping[tuple[str, int], int]) -> Iterator[_Placed]:
    """Every case that has a verdict, in the order of the whole run. Controls may have several: the worst counts."""
    found: dict[tuple[str, int], list[tuple[CaseResult, _Part]]] = {}
    for part in parts:
        for result in part.outcome.results:
            found.setdefault((result.info.id, result.info.run), []).append((result, part))
    for key in sorted(found, key=lambda key: order.get(key, len(order))):
        tries = sorted(found[key], key=lambda each: _WORST_FIRST.index(each[0].verdict))
        result, part = tries[0]
        directory = case_name(order.get(key, len(order)) + 1, result.info)
        yield _Placed(
            dataclasses.replace(result, directory=directory, notes=(*result.notes, *_disagreed(tries))),
            part,
            result.directory,
        )


def _disagreed(tries: Sequence[tuple[CaseResult, _Part]]) -> Iterator[str]:
    if len({result.verdict for result, _ in tries}) > 1:
        yield "not the same in all shards: " + ", ".join(f"{result.verdict} in {part.shard}" for result, part in tries)


def _said(parts: Sequence[_Part], of: Callable[[RunResult], Sequence[str]]) -> Iterator[str]:
    for part in parts:
        yield from (f"shard {part.shard}: {text}" for text in of(part.outcome))


def _missing(
    parts: Sequence[_Part], order: Mapping[tuple[str, int], int], infos: Mapping[tuple[str, int], CaseInfo]
) -> Iterator[str]:
    count = parts[0].shard.count
    absent = sorted(set(range(1, count + 1)) - {part.shard.index for part in parts})
    cases = [key[0] for key in order if key not in infos]
    if absent:
        named = ", ".join(f"{index}/{count}" for index in absent)
        some = f": {', '.join(cases[:5])}{' …' if len(cases) > 5 else ''}" if cases else ""
        yield f"missing: shard {named}, so {len(cases)} of {len(order)} cases have no verdict{some}"
    yield from (f"shard {part.shard}: was interrupted" for part in parts if part.outcome.interrupted)


def _copy_case(archive: Archive, case: _Placed) -> None:
    old, new = f"cases/{case.directory}/", f"cases/{case.result.directory}/"
    archive.json(f"{new}result.json", to_json(case.result))
    for entry in case.part.bundle.entries:
        name = entry.filename.removeprefix(old)
        if name not in (entry.filename, "result.json"):
            with archive.open(new + name, entry.file_size) as target:
                case.part.bundle.copy(entry.filename, target)
