"""What is known of services that run, from their cgroups and /proc."""

from __future__ import annotations

import os
from pathlib import Path

from faultbox.model.update import CaseStarted
from faultbox.tui.files import Place
from faultbox.tui.live import Live
from faultbox.tui.vitals import Vitals


def test_a_service_is_to_come_then_up_then_ended(tmp_path: Path) -> None:
    vitals = Vitals(tmp_path, ("db",))
    assert [(each.processes, each.ended) for each in vitals.look(0.0)] == [(0, False)]
    procs = tmp_path / "svc-db" / "inner" / "cgroup.procs"
    procs.parent.mkdir(parents=True)
    procs.write_text(f"{os.getpid()}\n")
    (up,) = vitals.look(1.0)
    assert (up.processes, up.ended, up.bytes > 1 << 20, up.busy) == (1, False, True, 0.0)
    spent = os.times()
    while os.times().user + os.times().system - spent.user - spent.system < 0.05:
        pass
    (busy,) = vitals.look(2.0)
    assert busy.busy >= 0.04
    procs.write_text("")
    (ended,) = vitals.look(3.0)
    assert (ended.processes, ended.ended) == (0, True)


def test_a_look_has_ports_and_the_ends_of_logs(tmp_path: Path) -> None:
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "db.stdout").write_text("".join(f"line {n}\n" for n in range(1_000)))
    (tmp_path / "logs" / "db.stderr").write_text("")
    live = Live(CaseStarted("a", 1, str(tmp_path), str(tmp_path)), {"db": "main 1/tcp"})
    glance = live.look(Place.folder(tmp_path).open(), 0.0)
    assert glance.tails == {"db.stdout": ("line 996", "line 997", "line 998", "line 999")}
    assert (glance.ports, [each.service for each in glance.healths], glance.rules) == ({"db": "main 1/tcp"}, ["db"], ())
