"""Files of a bundle on disk: below the directory that was named, and nowhere else."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace

import pytest

from faultbox import evidence
from faultbox.evidence.bundle import Bundle
from faultbox.evidence.extract import NoRoom, extract


@pytest.fixture
def bundle(tmp_path: Path, spools: ModuleType) -> Iterator[Bundle]:
    infos = [spools.info("test_a")]
    run = spools.write(tmp_path / "spool", infos, [spools.result(infos[0])], events={"test_a": [spools.event(1, "x")]})
    with evidence.open(evidence.pack(run, tmp_path)) as opened:
        yield opened


def everything(bundle: Bundle) -> list[str]:
    return [entry.filename for entry in bundle.entries]


def test_what_comes_out_is_what_is_in_it(bundle: Bundle, tmp_path: Path) -> None:
    assert extract(bundle, everything(bundle), tmp_path / "out" / "deep") == len(everything(bundle))
    for name in everything(bundle):
        assert (tmp_path / "out" / "deep" / name).read_bytes() == bundle.read(name)


def test_nothing_that_is_there_is_touched(bundle: Bundle, tmp_path: Path) -> None:
    taken = tmp_path / "taken"
    taken.mkdir()
    (taken / "plan.json").symlink_to("/etc/passwd")
    with pytest.raises(NoRoom, match="is not empty"):
        extract(bundle, everything(bundle), taken)
    with pytest.raises(NoRoom, match="is not empty"):
        extract(bundle, everything(bundle), bundle.path)


def test_a_full_disk_is_known_before_anything_is_written(
    bundle: Bundle, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shutil.disk_usage", lambda _: SimpleNamespace(free=10))
    with pytest.raises(NoRoom, match="has room for 0 MiB"):
        extract(bundle, everything(bundle), tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []
