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
        'env = {"A": "mysql://%s/x" % db.main.addr, "B": db.main.addr + "/y", "C": str(db.main.port), "D": db.main.host}\n'
        'service("c", "bin/api", env = env)'
    )
    assert dict(spec.services["c"].env) == {
        "A": "mysql://localhost:5432/x",
        "B": "localhost:5432/y",
        "C": "5432",
        "D": "localhost",
    }


WRONG = [
    ('service("a")', ['1:1 [MISSING_ARGUMENT] service(): which program? pass it after the name, or binary="./bin/api"']),
    (
        'service("a", "bin/db", binary = "bin/api")',
        ['1:1 [DUPLICATE_ARGUMENT] service(): two programs: "bin/db", "bin/api"; arguments go into args=[...]'],
    ),
    (
        'service("a", "bin/dbb")',
        ["1:1 [NO_SUCH_FILE] service(): binary does not exist: ./bin/dbb | near: ./bin/db"],
    ),
    ('service("a", "bin")', ["1:1 [NO_SUCH_FILE] service(): binary 'bin' was not found in PATH (<PATH>)"]),
    ('service("a", "./bin")', ["1:1 [NO_SUCH_FILE] service(): binary is a directory: ./bin"]),
    ('service("a", "./spec.star")', ["1:1 [NOT_EXECUTABLE] service(): binary is not executable: ./spec.star; chmod +x it"]),
    (
        'service("a", "bin/db", env = {"PORT": 8080})',
        ["1:30 [WRONG_TYPE] service(): env values must be strings, got int 8080; write str(8080)"],
    ),
    ('service("a", "bin/db", env = {"A=B": ""})', ["1:30 [BAD_NAME] service(): env can't hold \"A=B\": its name has no '=', and neither part has NUL"]),
    ('service("a", "bin/db", enw = {})', ["1:24 [UNKNOWN_KEYWORD] service(): unknown keyword 'enw' | near: env"]),
    (
        'service("a", "bin/db", cmd = ["x"])',
        [
            "1:24 [UNKNOWN_KEYWORD] service(): unknown keyword 'cmd'; write the program as binary= and its arguments "
            'as args=["..."]'
        ],
    ),
    (
        'service("a", image = "mysql:8")',
        ["1:14 [NOT_AVAILABLE] service(): image= needs containers, which this version does not have yet"],
    ),
    ('service("1a", "bin/db")', ['1:9 [BAD_NAME] service(): name is not usable for a service: "1a"']),
    ('service("a b", "bin/db")', ['1:9 [BAD_NAME] service(): name is not a usable name: string "a b"']),
    ('service("driver", "bin/db")', ["1:9 [BAD_NAME] service(): a service can't be called 'driver': that is the scenario's own name in traces"]),
    ('service("a", "bin/db", cwd = "nowhere")', ["1:30 [NO_SUCH_FILE] service(): cwd does not exist: ./nowhere"]),
    ('service("a", "bin/db", cwd = "spec.star")', ["1:30 [NO_SUCH_FILE] service(): cwd is no directory: ./spec.star | near: ./spec.star"]),
    ('service("a", "bin/db", user = "nobody-at-all")', ["1:31 [UNKNOWN_USER] service(): user 'nobody-at-all' does not exist on this host"]),
    ('service("a", "bin/db", volumes = {"bin": "data"})', ['1:34 [BAD_PATH] service(): volumes: the path in the world must be absolute, got "data"']),
    ('service("a", "bin/db", limits = {"nofiles": 1})', ['1:33 [UNKNOWN_VALUE] service(): limits keys can\'t be string "nofiles" | near: nofile']),
    ('service("a", "bin/db", stop_signal = "SIGTREM")', ['1:38 [UNKNOWN_SIGNAL] service(): stop_signal is no known signal: string "SIGTREM" | near: SIGTERM']),
    ('service("a", "bin/db", on_exit = "retry")', ['1:34 [UNKNOWN_VALUE] service(): on_exit can\'t be string "retry"']),
    (
        'service("a", "bin/db", ops = {"write": op(syscalls = ["write"])})',
        ["1:30 [DUPLICATE_NAME] service(): an op can't be called 'write': that is a system call; try write_files"],
    ),
    ('service("a", "bin/db", 5)', ["1:24 [WRONG_TYPE] service(): an argument must be an interface(), got int 5"]),
    ('service("a", "bin/db", seed = 5)', ["1:31 [WRONG_TYPE] service(): seed must be a function, got int 5"]),
    ('service("a", "bin/db", depends_on = [5])', ["1:37 [WRONG_TYPE] service(): depends_on[0] must be a string, got int 5; write str(5)"]),
    ('interface("main", "htp", 80)', ['1:19 [UNKNOWN_PROTOCOL] interface(): unknown protocol "htp" | near: http']),
    ('interface("main", "http", 0)', ["1:27 [BAD_PORT] interface(): port must be between 1 and 65535, got 0"]),
    ('interface("main", "http", 70000)', ["1:27 [BAD_PORT] interface(): port must be between 1 and 65535, got 70000"]),
    ('interface("main", "http", "80")', ['1:27 [WRONG_TYPE] interface(): port must be an int, got string "80"']),
    ('interface("a-b", "http", 80)', ['1:11 [BAD_NAME] interface(): name is not a usable name: string "a-b"']),
    ('interface("name", "http", 80)', ["1:11 [BAD_NAME] interface(): an interface can't be called \"name\": db.name is the service's own"]),
    ('interface("main", "http")', ["1:1 [MISSING_ARGUMENT] interface(): missing argument 'port'"]),
    ('interface("main", "http", 80, 81)', ["1:31 [TOO_MANY_ARGUMENTS] interface(): takes at most 3 positional arguments, got 4"]),
    ('interface("main", "http", 80, port = 81)', ["1:38 [DUPLICATE_ARGUMENT] interface(): port is given twice, by position and by name"]),
    ('interface("main", "http", 80, tls = 1)', ["1:31 [NOT_AVAILABLE] interface(): tls= needs TLS, which this version does not have yet"]),
    ('tcp("localhost")', ['1:5 [BAD_ADDRESS] tcp(): addr has no usable host and port: "localhost"']),
    ('tcp("localhost:x")', ['1:5 [BAD_ADDRESS] tcp(): addr has no usable host and port: "localhost:x"']),
    ('http("ftp://x/")', ['1:6 [BAD_ADDRESS] http(): url is no http URL: "ftp://x/"']),
    ('http("https://x/")', ['1:6 [NOT_AVAILABLE] http(): url needs TLS, which this version does not have yet: "https://x/"']),
    ('http("localhost:80/", expect_status = 99)', ["1:39 [OUT_OF_RANGE] http(): expect_status must be between 100 and 599, got 99"]),
    ('http("localhost:80/", timeout = 5)', ['1:33 [WRONG_TYPE] http(): timeout must be a duration like "500ms", got int 5; write "5ms" or "5s"']),
    ('kafka_ready("localhost:9092")', ["1:1 [NOT_AVAILABLE] kafka_ready() needs a client for kafka, which this version does not have yet"]),
]  # fmt: skip


@pytest.mark.parametrize(("text", "wanted"), WRONG, ids=[text for text, _ in WRONG])
def test_each_mistake_in_its_place(
    problems: Problems, monkeypatch: pytest.MonkeyPatch, text: str, wanted: list[str]
) -> None:
    monkeypatch.setenv("PATH", "<PATH>")
    found = [each.split(" | accepted: ")[0] for each in problems(text, preamble=False)]
    assert found == wanted


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


def test_names_that_would_share_environment_variables(problems: Problems) -> None:
    assert problems('service("geo-config", "bin/db")\nservice("geo_config", "bin/db")', preamble=False) == [
        "2:9 [DUPLICATE_NAME] service(): 'geo_config' and 'geo-config' (spec.star:1:1) would have the same environment "
        "variables, FAULTBOX_GEO_CONFIG_*"
    ]


def test_duplicates(problems: Problems) -> None:
    assert problems('service("db", "bin/db")') == [
        "4:9 [DUPLICATE_NAME] service(): a service 'db' is declared at spec.star:2:6 already"
    ]
    assert problems(
        'service("x", "bin/db", interface("a", "tcp", 1), interface("a", "tcp", 2), interface("b", "tcp", 1))'
    ) == [
        "4:1 [DUPLICATE_NAME] service(): two interfaces are called 'a'",
        "4:1 [DUPLICATE_PORT] service(): interfaces 'a' and 'b' have the same port, 1",
    ]
    assert problems('service("x", "bin/db", interface("a", "tcp", 5432))') == [
        "4:1 [NOT_AVAILABLE] service(): services 'db' (spec.star:2:6) and 'x' on one port (5432) need addresses of "
        "their own, which this version does not have yet"
    ]


def test_dependencies_are_checked_when_all_is_known(load: Load, problems: Problems) -> None:
    assert load('service("a", "bin/db", depends_on = ["b"])\nservice("b", "bin/db")').services["a"].depends_on == ("b",)
    assert problems('service("a", "bin/db", depends_on = ["dbx"])', preamble=True) == [
        "4:1 [UNKNOWN_SERVICE] service 'a' depends on 'dbx', which is no service of this spec | near: db | "
        "accepted: db, api, a"
    ]
    assert problems(
        'service("a", "bin/db", depends_on = ["b"])\nservice("b", "bin/db", depends_on = ["c"])\n'
        'service("c", "bin/db", depends_on = ["b"])\n',
        preamble=False,
    ) == ["2:1 [DEPENDENCY_CYCLE] services depend on each other in a circle: b -> c -> b"]


def test_a_spec_in_a_module_counts(load: Load) -> None:
    spec = load('load("more.star", "c")\nprint(c.name)', more='c = service("c", "bin/db")\n')
    assert list(spec.services) == ["db", "api", "c"]
    assert {Path(name).name for name in spec.sources} == {"spec.star", "more.star"}
    assert all(Path(name).is_absolute() for name in spec.sources)
