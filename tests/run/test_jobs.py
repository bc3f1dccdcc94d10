"""How many worlds live at once follows what the processor has left."""

from __future__ import annotations

from pathlib import Path

import pytest

from faultbox.run import jobs


@pytest.fixture
def host(monkeypatch: pytest.MonkeyPatch) -> dict[str, float]:
    """A host with four cores whose clock and ticks the test turns."""
    state = {"now": 0.0, "idle": 0, "total": 0}
    monkeypatch.setattr(jobs.os, "cpu_count", lambda: 4)
    monkeypatch.setattr(jobs.time, "monotonic", lambda: state["now"])
    monkeypatch.setattr(jobs, "processor_ticks", lambda: (state["idle"], state["total"]))
    return state


def pass_time(host: dict[str, float], idle: float) -> None:
    host["now"] += jobs.INTERVAL_S * 1.01
    host["total"] += 1000
    host["idle"] += 1000 * idle


def test_starts_from_the_cores(host: dict[str, float]) -> None:
    assert jobs.Jobs().limit == 8


def test_grows_while_all_wait_and_stops_at_the_ceiling(host: dict[str, float]) -> None:
    pool = jobs.Jobs()
    for _ in range(30):
        pass_time(host, idle=0.9)
        pool.follow(running=pool.limit)
    assert pool.limit == 4 * jobs.CEILING_PER_CORE


def test_does_not_grow_when_there_is_room_already(host: dict[str, float]) -> None:
    pool = jobs.Jobs()
    pass_time(host, idle=0.9)
    assert pool.follow(running=3) == 8


def test_falls_back_to_the_cores_when_busy(host: dict[str, float]) -> None:
    pool = jobs.Jobs()
    for _ in range(30):
        pass_time(host, idle=0.0)
        pool.follow(running=8)
    assert pool.limit == 4


def press(group: Path, microseconds: int) -> None:
    (group / "cpu.pressure").write_text(
        f"some avg10=1.00 avg60=2.00 avg300=3.00 total={microseconds}\nfull avg10=0.00 avg60=0.00 avg300=0.00 total=0\n"
    )


def test_grows_on_a_host_that_others_keep_busy_while_our_tasks_need_not_wait(
    host: dict[str, float], tmp_path: Path
) -> None:
    press(tmp_path, 500)
    pool = jobs.Jobs(group=tmp_path)
    pass_time(host, idle=0.0)
    assert pool.follow(running=8) == 16


def test_falls_back_when_our_tasks_wait_for_a_processor(host: dict[str, float], tmp_path: Path) -> None:
    press(tmp_path, 500)
    pool = jobs.Jobs(group=tmp_path)
    press(tmp_path, 500 + round(jobs.INTERVAL_S * 5e5))
    pass_time(host, idle=0.0)
    assert pool.follow(running=8) == 7


def test_without_pressure_only_the_idle_share_counts(host: dict[str, float], tmp_path: Path) -> None:
    pool = jobs.Jobs(group=tmp_path)
    pass_time(host, idle=0.0)
    assert pool.follow(running=8) == 7


def test_a_given_number_is_kept(host: dict[str, float]) -> None:
    pool = jobs.Jobs(3)
    for _ in range(5):
        pass_time(host, idle=1.0)
        assert pool.follow(running=3) == 3


def test_reads_the_kernels_ticks() -> None:
    idle, total = jobs.processor_ticks()
    assert 0 < idle <= total
