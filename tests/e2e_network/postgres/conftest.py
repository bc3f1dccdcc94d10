"""A real PostgreSQL, a proxy before it, and the drivers that applications use."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import pwd
import shutil
import signal
import socket
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

import asyncpg
import pg8000.native
import psycopg
import pytest

from faultbox.model.message import MessageRule
from faultbox.protocols.postgres.client import ready
from faultbox.proxy.playbook import a_rule

HERE = Path(__file__).parent


class Outcome(NamedTuple):
    """What one statement gave: its rows, or the error as the driver calls it with its SQLSTATE."""

    value: Any
    error: str
    code: str
    ms: float


@pytest.fixture(scope="session")
def programs() -> Callable[[str], str]:
    """`programs("pgbench")`: where a program of PostgreSQL's is."""
    return program


def program(name: str) -> str:
    """A program of PostgreSQL's. Debian keeps them apart by version; what is on its path is a wrapper."""
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(versions[-1]) if versions else shutil.which(name)
    assert found is not None, f"{name} is not installed: install postgresql"
    return found


def _as_user() -> list[str]:
    """How to run as somebody else where we are root: PostgreSQL refuses that."""
    if os.getuid():
        return []
    user = next(each for each in ("postgres", "nobody") if any(each == entry.pw_name for entry in pwd.getpwall()))
    return ["setpriv", f"--reuid={user}", f"--regid={pwd.getpwnam(user).pw_gid}", "--clear-groups"]


OPTIONS = ("-c", "listen_addresses=localhost", "-c", "unix_socket_directories=", "-c", "fsync=off")
"""Only TCP, and nothing that must outlive the test."""


@contextlib.contextmanager
def _new_cluster() -> Iterator[Path]:
    """The directory of a fresh cluster that trusts everybody, without TLS. Worlds can see it: it is not in /tmp."""
    place = Path(tempfile.mkdtemp(prefix="faultbox-postgres-", dir="/var/tmp"))
    user = _as_user()
    if user:
        shutil.chown(place, user[1].removeprefix("--reuid="))
    words = ["-U", "postgres", "-A", "trust", "-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    make = [*user, program("initdb"), "-D", str(place / "data"), *words]
    try:
        subprocess.run(make, check=True, capture_output=True, cwd=place)
        yield place / "data"
    finally:
        shutil.rmtree(place)


@pytest.fixture
def cluster() -> Iterator[Path]:
    """The directory of a cluster that nobody uses yet."""
    with _new_cluster() as data:
        yield data


@pytest.fixture(scope="session")
def server() -> Iterator[int]:
    """The port of a PostgreSQL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with _new_cluster() as data:
        words = [*_as_user(), program("postgres"), "-D", str(data), "-p", str(port), *OPTIONS]
        with subprocess.Popen(words, stderr=subprocess.DEVNULL, cwd=data.parent) as process:
            try:
                deadline = time.monotonic() + 20
                while (wrong := ready(("127.0.0.1", port), 1)) and time.monotonic() < deadline:
                    assert process.poll() is None
                assert wrong == ""
                yield port
            finally:
                process.send_signal(signal.SIGINT)  # it ends its connections and itself


@pytest.fixture(scope="session")
def _door(door_to: Callable[[str, int], Any], server: int) -> Any:
    return door_to("postgres", server)


@pytest.fixture
def door(_door: Any, server: int) -> Iterator[Any]:
    """The proxy, without rules, before a database with one empty table: orders(id)."""
    with psycopg.connect(dsn(server), autocommit=True) as connection:
        connection.execute("drop table if exists orders; create table orders (id int)")
    yield _door
    _door.clear()


@pytest.fixture
def rule() -> Callable[..., MessageRule]:
    """`rule(action, query, **rest)`; other match keys in `match`."""

    def make(action: str, query: str = "", **rest: Any) -> MessageRule:
        match = {**({"query": query} if query else {}), **rest.pop("match", {})}
        return a_rule(action, match=match, protocol="postgres", **rest)

    return make


# -- drivers


def dsn(port: int) -> str:
    return f"host=127.0.0.1 port={port} user=postgres dbname=postgres connect_timeout=20"


def measured(do: Callable[[], Any], errors: tuple[type[Exception], ...]) -> Outcome:
    start = time.monotonic()
    value, error, code = None, "", ""
    try:
        value = do()
    except errors as raised:
        error, code = type(raised).__name__, _code(raised)
    return Outcome(value, error, code, (time.monotonic() - start) * 1000)


def _code(error: Exception) -> str:
    if isinstance(error, pg8000.native.DatabaseError):
        return str(error.args[0]["C"])
    return getattr(error, "sqlstate", None) or ""


def said(do: Callable[[], Any]) -> Any:
    """A result, or the driver's error in its own words."""
    try:
        return do()
    except (psycopg.Error, asyncpg.PostgresError, pg8000.native.DatabaseError) as error:
        return f"{type(error).__name__}: {error}"


class Psycopg:
    """psycopg 3, which is libpq."""

    dropped = frozenset({"OperationalError"})
    errors: ClassVar = {"deadlock_detected": "DeadlockDetected", "40001": "SerializationFailure", "53100": "DiskFull"}
    placeholder = "%s"

    def run(self, port: int, statement: str, *args: int) -> Outcome:
        def do() -> Any:
            with psycopg.connect(dsn(port), autocommit=True) as connection:
                cursor = connection.execute(statement, args)
                return cursor.fetchall() if cursor.description else []

        return measured(do, (psycopg.Error,))

    def tour(self, port: int) -> list[Any]:
        with psycopg.connect(dsn(port)) as connection:
            return [said(partial(do, connection)) for do in PSYCOPG]


def _copied(connection: psycopg.Connection) -> Any:
    with connection.cursor() as cursor:
        cursor.execute("create temp table c (a int, b text)")
        with cursor.copy("copy c from stdin") as copy:
            for number in range(20_000):
                copy.write_row((number, "x" * 50))
        with cursor.copy("copy c to stdout") as copy:
            return sum(len(each) for each in copy)


def _in_portions(connection: psycopg.Connection) -> Any:
    with connection.cursor("portions") as cursor:
        cursor.execute("select generate_series(1, 1000)")
        return len(cursor.fetchall())


def _pipelined(connection: psycopg.Connection) -> Any:
    with connection.pipeline():
        cursors = [connection.execute("select %s::int", (number,)) for number in range(50)]
    return [cursor.fetchone() for cursor in cursors]


def _failed(connection: psycopg.Connection) -> Any:
    answers = [said(lambda: connection.execute("select 1/0")), said(lambda: connection.execute("select 1"))]
    answers.append(connection.info.transaction_status.name)
    connection.rollback()
    return answers


def _saved(connection: psycopg.Connection) -> Any:
    with connection.transaction():
        connection.execute("insert into t values (50)")
        answer = said(lambda: _again(connection))
    return answer, connection.execute("select count(*) from t").fetchall()


def _again(connection: psycopg.Connection) -> None:
    with connection.transaction():
        connection.execute("insert into t values (50)")


PSYCOPG: tuple[Callable[[Any], Any], ...] = (
    lambda c: c.execute("create temp table t (id int primary key, name text)").statusmessage,
    lambda c: c.cursor().executemany("insert into t values (%s, %s)", [(n, f"n{n}") for n in range(30)]),
    lambda c: c.execute("select * from t order by id").fetchall(),
    lambda c: [c.execute("select name from t where id = %s", (n,)).fetchone() for n in range(10)],
    lambda c: c.execute("select %b::int8, %s::date, null, 1.5::numeric", (2**40, "2020-01-02")).fetchall(),
    lambda c: c.execute("select 1; select 2").fetchall(),
    lambda c: len(c.execute("select repeat('x', 3000000)").fetchone()[0]),
    lambda c: len(c.execute("select %s::text", ("y" * 3_000_000,)).fetchone()[0]),
    lambda c: c.commit(),
    _failed,
    _copied,
    _in_portions,
    _pipelined,
    lambda c: c.commit(),
    _saved,
)


class Asyncpg:
    """asyncpg: binary, statements prepared and kept."""

    dropped = frozenset({"ConnectionDoesNotExistError"})
    errors: ClassVar = {
        "deadlock_detected": "DeadlockDetectedError",
        "40001": "SerializationError",
        "53100": "DiskFullError",
    }
    placeholder = "$1"

    async def _with(self, port: int, do: Callable[[Any], Any]) -> Any:
        connection = await asyncpg.connect(
            host="127.0.0.1", port=port, user="postgres", database="postgres", timeout=20, command_timeout=20
        )
        try:
            return await do(connection)
        finally:
            await connection.close(timeout=20)

    def run(self, port: int, statement: str, *args: int) -> Outcome:
        async def do(connection: Any) -> Any:
            return [tuple(row) for row in await connection.fetch(statement, *args)]

        errors = (asyncpg.PostgresError, asyncpg.InterfaceError, OSError)
        return measured(lambda: asyncio.run(self._with(port, do)), errors)

    def tour(self, port: int) -> list[Any]:
        return list(asyncio.run(self._with(port, _asyncpg_tour)))


async def _asyncpg_tour(c: Any) -> list[Any]:
    heard: asyncio.Queue[str] = asyncio.Queue()
    answers: list[Any] = [await c.execute("create temp table t (id int primary key, name text)")]
    await c.executemany("insert into t values ($1, $2)", [(n, f"n{n}") for n in range(30)])
    answers.append(await c.fetch("select * from t order by id"))
    answers.append(await c.copy_records_to_table("t", records=[(n, "x" * 50) for n in range(100, 20_000)]))
    async with c.transaction():
        answers.append(len([row async for row in c.cursor("select id from t", prefetch=100)]))
    prepared = await c.prepare("select $1::int8 + 1")
    answers += [await prepared.fetchval(n) for n in range(5)]
    answers.append(await c.fetchrow("select $1::numeric, $2::bool[], null, now() is null", 2, [True, False]))
    try:
        async with c.transaction():
            await c.execute("insert into t values (7)")
    except asyncpg.PostgresError as error:
        answers.append((type(error).__name__, str(error), error.constraint_name))
    await c.add_listener("ch", lambda *args: heard.put_nowait(args[3]))
    await c.execute("notify ch, 'hello'")
    answers.append(await asyncio.wait_for(heard.get(), 20))
    try:
        await c.fetch("select pg_sleep(30)", timeout=0.2)
    except TimeoutError:
        answers.append("cancelled")
    answers.append(await c.fetchval("select repeat('x', 3000000)"))
    return answers


class Pg8000:
    """pg8000: pure Python, statements without a name."""

    dropped = frozenset({"InterfaceError"})
    errors: ClassVar = {"deadlock_detected": "DatabaseError", "40001": "DatabaseError", "53100": "DatabaseError"}
    placeholder = ":a"

    def _connect(self, port: int) -> pg8000.native.Connection:
        return pg8000.native.Connection("postgres", host="127.0.0.1", port=port, timeout=20)

    def run(self, port: int, statement: str, *args: int) -> Outcome:
        def do() -> Any:
            connection = self._connect(port)
            try:
                return [tuple(row) for row in connection.run(statement, **dict(zip("ab", args, strict=False))) or ()]
            finally:
                with_end(connection)

        return measured(do, (pg8000.native.Error, OSError))

    def tour(self, port: int) -> list[Any]:
        connection = self._connect(port)
        try:
            return [said(partial(do, connection)) for do in PG8000]
        finally:
            connection.close()


def with_end(connection: pg8000.native.Connection) -> None:
    """Close it, whether or not it still can say goodbye."""
    with contextlib.suppress(pg8000.native.Error):
        connection.close()


PG8000: tuple[Callable[[Any], Any], ...] = (
    lambda c: c.run("create temp table t (id int primary key, name text)"),
    lambda c: [c.run("insert into t values (:id, :name)", id=n, name=f"n{n}") for n in range(10)],
    lambda c: c.run("select * from t order by id"),
    lambda c: c.run("select cast(:a as int8), null, true", a=7),
    lambda c: c.run("insert into t values (:id)", id=7),
    lambda c: c.run("begin"),
    lambda c: c.run("select 1/0"),
    lambda c: c.run("select 1"),
    lambda c: c.run("rollback"),
    lambda c: [c.prepare("select name from t where id = :id").run(id=n) for n in range(3)],
    lambda c: len(c.run("select repeat('x', 3000000)")[0][0]),
    lambda c: [c.run("listen ch"), c.run("notify ch, 'hello'"), [each[1:] for each in c.notifications]],
)


class Pgx:
    """pgx, the Go driver, as a program of ours uses it."""

    dropped = frozenset({"UnexpectedEOF"})
    errors: ClassVar = {"deadlock_detected": "PgError", "40001": "PgError", "53100": "PgError"}
    placeholder = "$1"

    def __init__(self, *program: str | Path) -> None:
        self._program = program

    def _run(self, *words: str) -> Any:
        done = subprocess.run([*self._program, *words], capture_output=True, timeout=60, check=True)
        return json.loads(done.stdout)

    def run(self, port: int, statement: str, *args: int) -> Outcome:
        outcome = Outcome(**self._run(str(port), "run", statement, *map(str, args)))
        return outcome._replace(value=[tuple(row) for row in outcome.value] if outcome.value is not None else None)

    def tour(self, port: int) -> Any:
        return self._run(str(port), "tour")


class NodePg(Pgx):
    """node-postgres, as a program of ours uses it."""

    dropped = frozenset({"Connection terminated unexpectedly"})
    errors: ClassVar = {"deadlock_detected": "DatabaseError", "40001": "DatabaseError", "53100": "DatabaseError"}


@pytest.fixture(scope="session")
def nodepg(node_install: Callable[[Path], tuple[str, Path]]) -> tuple[str, Path]:
    """The command that runs the program."""
    return node_install(HERE / "nodepg")


@pytest.fixture(scope="session")
def pgx(go_build: Callable[[Path], Path]) -> Path:
    """The program, built."""
    return go_build(HERE / "pgx")


@pytest.fixture(params=["psycopg", "asyncpg", "pg8000", "pgx", "node-pg"])
def driver(request: pytest.FixtureRequest) -> Any:
    makers: dict[str, Callable[[], Any]] = {
        "psycopg": Psycopg,
        "asyncpg": Asyncpg,
        "pg8000": Pg8000,
        "pgx": lambda: Pgx(request.getfixturevalue("pgx")),
        "node-pg": lambda: NodePg(*request.getfixturevalue("nodepg")),
    }
    return makers[request.param]()
