"""Running a bundle again, and saying whether the same came out."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from faultbox.evidence.bundle import Bundle
from faultbox.evidence.comparison import Comparison, Key, Recorded, Sides, compare_case, named, recorded
from faultbox.evidence.decisions import by_identity, may_be_decision
from faultbox.evidence.extract import extract_spec
from faultbox.evidence.spool import Spool
from faultbox.model.frozen import frozen
from faultbox.model.verdict import CaseResult

__all__ = ["Comparison", "Ground", "compare", "ground", "recorded"]


@frozen
class Ground:
    """What is run again. `root`: where relative paths of the spec lead, None for the spec's own directory."""

    spec: Path
    root: Path | None
    note: str


def ground(bundle: Bundle, scratch: Path, root: Path | None = None) -> Ground:
    """The spec where it was, as long as it says what the bundle says; else the bundle's, laid out in `scratch`.

    `root` is where its files are now, where somebody knows: in another checkout, say.
    """
    original = Path(bundle.original)
    if root is not None:
        return Ground(extract_spec(bundle, scratch), root, f"Spec: from the bundle; relative paths lead to {root}")
    if _unchanged(bundle, original):
        return Ground(original, None, f"Spec: {original} (unchanged since)")
    spec = extract_spec(bundle, scratch)
    if original.parent.is_dir():
        note = f"Spec: from the bundle ({original} has changed or gone); relative paths lead to {original.parent}"
        return Ground(spec, original.parent, note)
    note = f"Spec: from the bundle; {original.parent} is not here, so relative paths lead into the bundle's own spec/"
    return Ground(spec, None, f"{note} (--root says where its files are)")


def _unchanged(bundle: Bundle, original: Path) -> bool:
    """Whether every file of the spec is on disk, byte for byte, where it was."""
    depth = len(Path(bundle.spec).parts) - 1
    if not original.is_absolute() or depth > len(original.parents):
        return False
    base = original.parents[depth - 1]
    try:
        same = all((base / Path(name).relative_to("spec")).read_bytes() == bundle.read(name) for name in bundle.sources)
    except OSError:
        return False
    return same and base / Path(bundle.spec).relative_to("spec") == original


_SIDES = Sides("then", "now")


def compare(before: Mapping[Key, Recorded], again: Spool, results: Sequence[CaseResult]) -> Comparison:
    """The replayed results beside the recorded ones."""
    found = Comparison()
    directories = {(each.info.id, each.info.run): each.directory for each in again.planned}
    for new in results:
        key = (new.info.id, new.info.run)
        if key in before:
            decisions = by_identity(again.events(directories[key], may_be=may_be_decision))
            compare_case(before[key], Recorded(new, decisions), _SIDES, found)
        else:
            found.verdicts.append(f"{named(key)}: is not in the bundle")
    return found
