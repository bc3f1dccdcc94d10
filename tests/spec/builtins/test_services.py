"""service(), interface() and the healthchecks."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from faultbox.model.spec import Spec
from faultbox.model.topology import Healthcheck, Observation

Load = Callable[..., Spec]
Problems = Callable[..., list[str]]


def test_everything_a_service_may_say(load: Load, place: Path) -> None:
    (place / "data").mkdir()
    spec = load(
        """
db = service("db",
    interface("main", "tcp", 5432),
    binary = "./bin/db",
    interface("admin", "http", 8081),
    args = ["-p", "5432"],
    env = {"A": "1"},
    cwd = "data",
    user = "root:root",
    depends_on = ["api"],
    healthcheck = tcp("localhost:5432", timeout = "5s"),
    seed = lambda: None,
    volumes = {"./data": "/data"},
    limits = {"nofile": 256},
    stop_signal = "SIGINT",
    stop_timeout = "3s",
    ops = {"wal_write": op(syscalls = ["write", "fsync"], path = "/data/*")},
    observe = [observe.stdout(decoder = decoder("json")), observe.stderr()],
    on_exit = "restart",
)
api = service("api", interface("public", "http", 8080), "bin/api", healthcheck = http("localhost:8080/health"))
""",
        preamble=False,
    )
    db, api = spec.services["db"], spec.services["api"]
    assert db.binary == str(place / "bin/db")
    assert [each.name for each in db.interfaces] == ["main", "admin"]
    assert (db.args, dict(db.env), db.user) == (("-p", "5432"), {"A": "1"}, "root:root")
    assert (db.cwd, dict(db.volumes)) == (str(place / "data"), {str(place / "data"): "/data"})
    assert db.depends_on == ("api",)
    assert db.healthcheck == Healthcheck("tcp", "localhost:5432", None, 5000)
    assert db.seed is not None
    assert db.seed() is None
    assert (dict(db.limits), db.stop_signal, db.stop_timeout_ms, db.on_exit) == ({"nofile": 256}, 2, 3000, "restart")
    assert db.ops["wal_write"].syscalls == ("write", "fsync")
    assert db.observe == (Observation("stdout", "json"), Observation("stderr"))
    assert str(db.position) == "spec.star:2:6"
    assert api.healthcheck == Healthcheck("http", "http://localhost:8080/health", None, 30_000)
    assert api.binary == str(place / "bin/api")


def test_a_name_without_a_slash_is_looked_up_in_path(load: Load) -> None:
    assert load('service("x", "sh")', preamble=False).services["x"].binary.endswith("/bin/sh")


def test_addresses_are_plain_strings_before_anything_runs(load: Load) -> None:
    spec = load(
        "main = db.main\n"
        'env = {"A": "mysql://%s/x" % main.addr, "B": main.addr + "/y", "C": str(main.port), "D": main.host}\n'
        'service("c", "bin/api", env = env)'
    )
    assert dict(spec.services["c"].env) == {
        "A": "mysql://localhost:5432/x",
        "B": "localhost:5432/y",
        "C": "5432",
        "D": "localhost",
    }


def test_mistakes_in_services(
    problems: Problems, monkeypatch: pytest.MonkeyPatch, mistake: tuple[str, list[str]]
) -> None:
    text, wanted = mistake
    monkeypatch.setenv("PATH", "<PATH>")
    assert [each.split(" | accepted: ")[0] for each in problems(text, preamble=False)] == wanted


def test_one_call_may_have_several_problems(problems: Problems) -> None:
    found = problems('service("a b", "bin/dbb", env = {"X": 1}, huh = 2)', preamble=False)
    assert [each.split("]")[0].split("[")[1] for each in found] == ["BAD_NAME", "WRONG_TYPE", "UNKNOWN_KEYWORD"]


def test_accepted_keywords_are_listed(problems: Problems) -> None:
    found = problems('tcp("localhost:1", timeot = "1s")', preamble=False)
    assert found == ["1:20 [UNKNOWN_KEYWORD] tcp(): unknown keyword 'timeot' | near: timeout | accepted: addr, timeout"]


def test_a_broken_service_makes_no_further_problems(problems: Problems) -> None:
    found = problems(
        'a = service("a", "bin/nope", interface("main", "http", 9))\n'
        'b = service("b", "bin/db", depends_on = [a, "a"], env = {"X": a.main.addr})\n'
        'f = fault_assumption("f", target = a, write = deny("EIO"))\n'
        "fault_matrix(scenarios = [lambda: a.get()], faults = [f])\n",
        preamble=False,
    )
    assert [each.split(":")[0] for each in found] == ["1"]


def test_dependencies_may_be_named_before_they_are_declared(load: Load) -> None:
    spec = load('service("a", "bin/db", depends_on = ["b", "b"])\nservice("b", "bin/db")')
    assert spec.services["a"].depends_on == ("b",)


def test_an_interface_that_no_service_has_is_warned_of(load: Load) -> None:
    spec = load(
        'main = interface("main", "tcp", 5432)\nspare = interface("spare", "tcp", 5433)\nservice("x", "sh", main)',
        preamble=False,
    )
    assert [(each.code, each.message, each.position.line) for each in spec.warnings] == [
        ("UNUSED", "interface 'spare' (port 5433) belongs to no service: pass it to service()", 2)
    ]


def test_a_spec_in_a_module_counts(load: Load) -> None:
    spec = load('load("more.star", "c")\nprint(c.name)', more='c = service("c", "bin/db")\n')
    assert list(spec.services) == ["db", "api", "c"]
    assert {Path(name).name for name in spec.sources} == {"spec.star", "more.star"}
    assert all(Path(name).is_absolute() for name in spec.sources)
