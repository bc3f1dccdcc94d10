"""What a bundle holds, in lines."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from faultbox.cli.console.case import case_lines, rule_lines
from faultbox.cli.console.look import Look, visible
from faultbox.cli.console.matrix import WORDS, duration, tables
from faultbox.cli.console.summary import counts_line, first_to_replay, number, replay_command
from faultbox.evidence.bundle import Bundle
from faultbox.model.verdict import CaseResult, RunResult, Verdict


def overview(bundle: Bundle, look: Look) -> list[str]:
    """What was run, where and with what result; then every case that is not green."""
    outcome, plan = bundle.outcome(), bundle.cases
    lines = [*_facts(bundle), *tables(plan, outcome.results, _excluded(bundle), look), *_others(outcome, look), ""]
    lines += [look.bad(visible(f"dead assumption: {each.name} ({each.position})")) for each in outcome.dead]
    lines += [look.doubtful(visible(f"warning: {text}")) for text in outcome.warnings]
    lines += [look.bad(visible(f"error: {text}")) for text in outcome.errors]
    lines.append(counts_line(outcome, len(plan), look))
    if (first := first_to_replay(outcome)) is not None:
        lines += ["", f"Look closer: faultbox inspect {visible(str(bundle.path))} {visible(first.info.id)}"]
        lines.append(f"Replay: {replay_command(bundle.path.absolute(), first, bundle.seed)}")
    return lines


def _excluded(bundle: Bundle) -> list[tuple[int, str, str]]:
    """The pairs that matrices leave out, as far as the bundle names them."""
    declared = bundle.parsed("declared.json")
    pairs = declared.get("excluded", []) if isinstance(declared, dict) else []
    named = [each for each in pairs if isinstance(each, dict)] if isinstance(pairs, list) else []
    whole = [each for each in named if type(each.get("matrix")) is int]
    return [(each["matrix"], str(each.get("row")), str(each.get("column"))) for each in whole]


def _facts(bundle: Bundle) -> list[str]:
    manifest, environment = bundle.manifest, bundle.environment()
    asked, size = bundle.asked(), bundle.path.stat().st_size
    host = " ".join(str(environment[name]) for name in ("kernel", "machine") if name in environment)
    killed = "" if manifest.get("complete") else "  (the run was killed; recovered)"
    shard = f", shard {asked.shard}" if asked.shard is not None else ""
    facts = {
        "Bundle": f"{bundle.path}, {_bytes(size)}, {len(bundle.entries)} entries",
        "Spec": f"{bundle.original}, {number(len(bundle.sources), 'file')}",
        "Run": f"{manifest.get('started')}, seed {bundle.seed} ({manifest.get('seed_origin')}){shard}{killed}",
        "Host": f"Linux {host}, {environment.get('cpus')} processors, Python {environment.get('python')}",
        "Faultbox": str(manifest.get("faultbox")),
        **({"No BPF": str(environment["no_bpf"])} if "no_bpf" in environment else {}),
    }
    return [visible(f"{name + ':':<10}{text}") for name, text in facts.items()]


def _others(outcome: RunResult, look: Look) -> list[str]:
    """The cases that no table shows, and why those that aren't green aren't."""
    lines: list[str] = []
    for each in outcome.results:
        if each.info.matrix >= 0 and each.verdict is Verdict.PASSED:
            continue
        run = f", run {each.info.run}" if each.info.run > 1 else ""
        text = f"{WORDS[each.verdict]} {visible(each.info.id)} ({duration(each.duration_ms)}{run})"
        paint = look.good if each.verdict is Verdict.PASSED else look.bad
        lines.append(paint(text) + (visible(f"  {each.reason.splitlines()[0]}") if each.reason else ""))
    return ["", *lines] if lines else []


def listing(bundle: Bundle) -> list[str]:
    """Every entry: its size, what it takes in the file, its name."""
    return [visible(f"{each.file_size:>12}  {each.compress_size:>12}  {each.filename}") for each in bundle.entries]


def case(bundle: Bundle, result: CaseResult, look: Look) -> list[str]:
    """A case: all that its verdict says, how many events of which kind there are, and what it wrote."""
    again = ("faultbox", "replay", str(bundle.path))
    lines = case_lines(result, bundle.seed, again, look)
    if result.verdict is Verdict.PASSED and result.rules:
        lines += ["  rules:", *(f"    {line}" for rule in result.rules for line in rule_lines(rule))]
    kinds = Counter((str(each.get("service")), str(each.get("type"))) for each in bundle.events(result.directory))
    lines.append(f"  events: {sum(kinds.values())}")
    lines += [visible(f"    {count:>8}  {service} {kind}") for (service, kind), count in sorted(kinds.items())]
    changed = f"cases/{result.directory}/changed.json"
    if bundle.has(changed):
        lines += _changed(bundle.parsed(changed))
    names = [each for each in bundle.entries if each.filename.startswith(f"cases/{result.directory}/")]
    lines += ["  entries:", *(visible(f"    {each.file_size:>8}  {each.filename}") for each in names)]
    return lines


def _changed(shape: Any) -> list[str]:
    if not isinstance(shape, list) or not shape:
        return []
    files = [each for each in shape if isinstance(each, dict)]
    shown = [visible(f"    {' '.join(str(value) for value in each.values())}") for each in files[:_FILES]]
    more = [f"    and {len(files) - _FILES} more"] if len(files) > _FILES else []
    return [f"  files changed: {len(files)}", *shown, *more]


_FILES = 30
"""How many changed files are shown; the bundle has all of them."""


def table(columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> list[str]:
    """An answer in SQL as aligned columns."""
    cells = [[visible(str(name)) for name in columns], *([_cell(value) for value in row] for row in rows)]
    widths = [max(len(row[column]) for row in cells) for column in range(len(columns))]
    lines = ["  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in cells]
    return [lines[0], "  ".join("-" * width for width in widths), *lines[1:]]


def _cell(value: Any) -> str:
    if value is None:
        return ""
    if isinstance(value, Mapping):
        value = " ".join(f"{key}={each}" for key, each in value.items())
    return visible(str(value))


def _bytes(size: int) -> str:
    return f"{size / 1024:.0f} KiB" if size < 1 << 20 else f"{size / (1 << 20):.1f} MiB"
