"""Bundles of strangers: refused cleanly, whatever is in them."""

from __future__ import annotations

import contextlib
import json
import stat
import zipfile
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from faultbox import evidence
from faultbox.evidence import bundle as bundles
from faultbox.evidence import extract
from faultbox.evidence.bundle import Bundle
from faultbox.evidence.extract import extract_spec
from faultbox.model.verdict import Verdict
from faultbox.world.output import LINE_MAX

MANIFEST = {
    "schema_version": 1,
    "faultbox": "0.1.0",
    "seed": 1,
    "spec": {"root": "spec/spec.star", "original": "/nowhere/spec.star"},
    "options": {},
    "cases": [],
}


def entry(name: str, mode: int = 0o100644) -> zipfile.ZipInfo:
    info = zipfile.ZipInfo(name)
    info.create_system = 3
    info.external_attr = mode << 16
    return info


@pytest.fixture
def crafted(tmp_path: Path) -> Callable[..., Path]:
    """A bundle with a manifest, changed, and other entries as they are given."""

    def craft(*entries: tuple[zipfile.ZipInfo, bytes], **changes: Any) -> Path:
        path = tmp_path / "crafted.fb"
        with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
            archive.writestr("manifest.json", json.dumps(MANIFEST | changes))
            for info, content in entries:
                archive.writestr(info, content, zipfile.ZIP_DEFLATED)
        return path

    return craft


def refusal(path: Path, use: Callable[[Bundle], object] = lambda bundle: None) -> str:
    with pytest.raises(evidence.BadBundle) as caught, evidence.open(path) as bundle:
        use(bundle)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    return text.removeprefix(f"{path}: ")


@pytest.mark.parametrize(
    "name",
    [
        "../evil",
        "spec/../../evil",
        "/etc/cron.d/evil",
        "spec//evil",
        "./evil",
        "spec\\..\\evil",
        "spec/./evil",
        "spec/",
    ],
)
def test_names_that_lead_elsewhere(crafted: Callable[..., Path], name: str) -> None:
    assert refusal(crafted((entry(name), b"x"))) == f"entry {name!r} has a name that leads elsewhere"


def test_a_name_with_a_null(crafted: Callable[..., Path]) -> None:
    path = crafted((entry("spec/evilXstar"), b"x"))
    path.write_bytes(path.read_bytes().replace(b"evilXstar", b"evil\0star"))
    assert "has a name that leads elsewhere" in refusal(path)


@pytest.mark.parametrize(
    ("mode", "text"),
    [(stat.S_IFLNK, "is a symlink"), (stat.S_IFIFO, "is no regular file"), (stat.S_IFDIR, "is no regular file")],
)
def test_things_that_are_no_files(crafted: Callable[..., Path], mode: int, text: str) -> None:
    assert refusal(crafted((entry("spec/x", mode | 0o644), b"/etc/passwd"))) == f"entry 'spec/x' {text}"


def test_a_name_twice(crafted: Callable[..., Path]) -> None:
    with pytest.warns(UserWarning, match="Duplicate name"):
        path = crafted((entry("spec/x"), b"1"), (entry("spec/x"), b"2"))
    assert refusal(path) == "entry 'spec/x' is there twice"


def test_encrypted_entries(crafted: Callable[..., Path]) -> None:
    path = crafted((entry("spec/x"), b"secret"))
    content = bytearray(path.read_bytes())
    central = content.rfind(b"PK\x01\x02")
    content[central + 8] |= 1
    path.write_bytes(content)
    assert refusal(path) == "entry 'spec/x' is encrypted"


def test_other_compressions(tmp_path: Path) -> None:
    path = tmp_path / "x.fb"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_LZMA) as archive:
        archive.writestr("manifest.json", json.dumps(MANIFEST))
    assert refusal(path) == "entry 'manifest.json' is compressed in a way that is not read here"


def test_more_than_is_read_at_once(crafted: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "MAX_READ", 1 << 20)
    path = crafted((entry("plan.json"), bytes(2 << 20)))
    assert path.stat().st_size < 10_000
    assert refusal(path, lambda bundle: bundle.cases) == "plan.json is larger than 1 MiB"


def test_many_files_that_are_small_enough_each(
    crafted: Callable[..., Path], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(extract, "MAX_READ", 1 << 20)
    bomb = [(entry(f"spec/{number}"), bytes(1 << 19)) for number in range(4)]
    path = crafted(*bomb)
    assert "its spec is larger than 1 MiB" in refusal(path, lambda bundle: extract_spec(bundle, tmp_path / "out"))


def test_an_entry_that_claims_too_much(crafted: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "MAX_ENTRY", 1 << 10)
    assert "'spec/x' claims more than" in refusal(crafted((entry("spec/x"), bytes(2048))))


def test_an_entry_that_lies_about_its_size(crafted: Callable[..., Path]) -> None:
    path = crafted((entry("plan.json"), bytes(100_000)))
    content = bytearray(path.read_bytes())
    central = content.rfind(b"PK\x01\x02")
    content[central + 24 : central + 28] = (10).to_bytes(4, "little")
    path.write_bytes(content)
    assert "plan.json: Bad CRC-32" in refusal(path, lambda bundle: bundle.cases)


def test_entries_that_claim_too_much_together(crafted: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "MAX_TOTAL", 3 << 10)
    path = crafted((entry("spec/x"), bytes(2048)), (entry("spec/y"), bytes(2048)))
    assert "in all" in refusal(path)


def test_a_name_that_no_file_can_have(crafted: Callable[..., Path]) -> None:
    assert "has a name of more than 255 bytes" in refusal(crafted((entry("spec/" + "é" * 128), b"")))


def test_too_many_entries(crafted: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bundles, "MAX_ENTRIES", 2)
    assert refusal(crafted((entry("a"), b""), (entry("b"), b""))) == "has more than 2 entries"


@pytest.mark.parametrize(
    ("plan", "text"),
    [
        (b"[" * 100_000 + b"]" * 100_000, "plan.json: is no JSON that can be read: maximum recursion depth"),
        (b"[" + b"1" * 10_000 + b"]", "plan.json: is no JSON that can be read: Exceeds the limit"),
        (b"\xff\xfe[", "plan.json: is no JSON that can be read"),
        (b"[", "plan.json: is no JSON that can be read"),
        (b"{}", "plan.json: record: is dict, not list"),
        (b"[{}]", "plan.json: [0]: lacks"),
    ],
    ids=["deep", "huge", "bytes", "half", "object", "empty"],
)
def test_json_that_is_none(crafted: Callable[..., Path], plan: bytes, text: str) -> None:
    assert refusal(crafted((entry("plan.json"), plan)), lambda bundle: bundle.cases).startswith(text)


@pytest.mark.parametrize(
    ("changes", "text"),
    [
        ({"schema_version": 2}, "has schema version 2, this Faultbox reads 1: use the one that wrote it, 0.1.0"),
        ({"schema_version": "1"}, "manifest.json: schema_version must be int"),
        ({"schema_version": True}, "manifest.json: schema_version must be int"),
    ],
)
def test_versions(crafted: Callable[..., Path], changes: dict[str, Any], text: str) -> None:
    assert refusal(crafted(**changes)) == text


@pytest.mark.parametrize(
    ("changes", "use"),
    [
        ({"seed": "x"}, lambda bundle: bundle.seed),
        ({"seed": -1}, lambda bundle: bundle.seed),
        ({"seed": 1 << 63}, lambda bundle: bundle.seed),
        ({"cases": [{"directory": "a"}, {"directory": "a"}]}, lambda bundle: bundle.directories()),
        ({"spec": []}, lambda bundle: bundle.original),
        ({"spec": {}}, lambda bundle: bundle.spec),
        ({"cases": {}}, lambda bundle: bundle.directories()),
        ({"cases": [1]}, lambda bundle: bundle.directories()),
        ({"cases": [{}]}, lambda bundle: bundle.directories()),
        ({"options": None}, lambda bundle: bundle.asked()),
        ({"options": {"runs": 10**9}}, lambda bundle: bundle.asked()),
        ({"options": {"runs": True}}, lambda bundle: bundle.asked()),
        ({"options": {"timeout_ms": float("inf")}}, lambda bundle: bundle.asked()),
        ({"options": {"select": [1]}}, lambda bundle: bundle.asked()),
        ({"options": {"strict": "no"}}, lambda bundle: bundle.asked()),
        ({"options": {"shard": "3/2"}}, lambda bundle: bundle.asked()),
        ({"options": {"shard": "x"}}, lambda bundle: bundle.asked()),
    ],
)
def test_manifests_that_lack_what_is_asked(crafted: Callable[..., Path], changes: Any, use: Any) -> None:
    assert refusal(crafted(**changes), use).startswith("manifest.json: ")


def test_a_spec_that_is_not_there(crafted: Callable[..., Path], tmp_path: Path) -> None:
    assert refusal(crafted(), lambda bundle: extract_spec(bundle, tmp_path / "out")) == "has no spec 'spec/spec.star'"


def test_a_spec_below_a_file(crafted: Callable[..., Path], tmp_path: Path) -> None:
    path = crafted((entry("spec/spec.star"), b""), (entry("spec/spec.star/x"), b""))
    text = refusal(path, lambda bundle: extract_spec(bundle, tmp_path / "out"))
    assert text == "spec/spec.star/x is both a file and a directory"


def test_events_are_read_a_line_at_a_time(crafted: Callable[..., Path]) -> None:
    path = crafted((entry("cases/1/events.jsonl"), b'{"seq": 1}\n' + b" " * (33 << 20)))
    with evidence.open(path) as bundle:
        events = bundle.events("1")
        assert next(events) == {"seq": 1}
        with pytest.raises(evidence.BadBundle, match="a line is longer than"):
            next(events)


def test_the_longest_line_of_output_is_no_obstacle(crafted: Callable[..., Path]) -> None:
    """1 MiB, each byte no UTF-8, as it came and as a decoder gave it."""
    line = json.dumps({"raw": "\udcff" * LINE_MAX, "text": "\udcff" * LINE_MAX}).encode()
    with evidence.open(crafted((entry("cases/1/events.jsonl"), line + b"\n"))) as bundle:
        (event,) = bundle.events("1")
        assert len(event["raw"]) == LINE_MAX


def test_files_that_are_no_bundles(tmp_path: Path) -> None:
    path = tmp_path / "x.fb"
    path.write_bytes(b"")
    assert refusal(path) == "not a bundle: File is not a zip file"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("other.txt", "x")
    assert refusal(path) == "has no manifest.json"


class Good(bytes):
    """A good bundle, too long to be shown whole in a failure."""

    __slots__ = ()

    def __repr__(self) -> str:
        return f"<{len(self)} bytes>"


@pytest.fixture(scope="module")
def good(tmp_path_factory: pytest.TempPathFactory, spools: ModuleType) -> Good:
    infos = [spools.info("test_a")]
    place = tmp_path_factory.mktemp("good")
    spools.write(
        place / "spool", infos, [spools.result(infos[0], Verdict.FAILED)], events={"test_a": [spools.event(1, "x")]}
    )
    return Good(evidence.pack(place / "spool", place).read_bytes())


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(place=st.floats(0, 0.999), garbage=st.binary(min_size=1, max_size=8), cut=st.booleans())
def test_no_damage_is_a_traceback(good: Good, tmp_path: Path, place: float, garbage: bytes, cut: bool) -> None:
    at = int(len(good) * place)
    path = tmp_path / "damaged.fb"
    path.write_bytes(good[:at] if cut else good[:at] + garbage + good[at + len(garbage) :])
    with contextlib.suppress(evidence.BadBundle), evidence.open(path) as bundle:
        assert (bundle.seed, bundle.spec, len(bundle.cases)) == (1, "spec/spec.star", 1)
        for directory in bundle.directories():
            bundle.result(directory)
            list(bundle.events(directory))
            list(bundle.events(directory, "decisions.jsonl"))


def test_the_end_of_a_log(tmp_path: Path, spools: ModuleType) -> None:
    case = spools.info("test_a")
    run_dir = spools.write(tmp_path / "run", [case], [spools.result(case)])
    log = run_dir / "cases" / "0001-test_a" / "logs" / "db.stdout"
    log.write_bytes(b"x" * 100_000 + b"the end")
    with evidence.open(evidence.pack(run_dir, tmp_path / "a.fb")) as bundle:
        (name,) = bundle.logs("0001-test_a")
        assert bundle.has(name)
        assert bundle.end(name, 7) == (b"the end", 100_000)
        assert bundle.end(name, 1 << 20) == (b"x" * 100_000 + b"the end", 0)
