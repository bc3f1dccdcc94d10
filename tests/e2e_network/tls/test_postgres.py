"""TLS that begins in PostgreSQL's own protocol: real drivers, a real server, and logins that bind to a certificate."""

from __future__ import annotations

import asyncio
import contextlib
import os
import pwd
import shutil
import signal
import socket
import ssl
import subprocess
import tempfile
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import asyncpg
import pg8000.native
import psycopg
import pytest

from faultbox.model.topology import Tls
from faultbox.protocols.postgres import client
from faultbox.protocols.secure import Securing, client_context
from faultbox.proxy.playbook import a_rule

PASSWORD = "secret"
HBA = """
hostssl all bea all scram-sha-256
host all postgres all scram-sha-256
"""
"""`bea` must come in TLS, `postgres` may come in plain."""
ENCRYPTED = "select ssl from pg_stat_ssl where pid = pg_backend_pid()"


def program(name: str) -> str:
    versions = sorted(Path("/usr/lib/postgresql").glob(f"*/bin/{name}"))
    found = str(versions[-1]) if versions else shutil.which(name)
    assert found is not None, f"{name} is not installed: install postgresql"
    return found


def _user() -> str:
    """Whom PostgreSQL runs as: it refuses to be root."""
    names = {each.pw_name for each in pwd.getpwall()}
    return "postgres" if "postgres" in names else "nobody"


def _as_user() -> list[str]:
    if os.getuid():
        return []
    account = pwd.getpwnam(_user())
    return ["setpriv", f"--reuid={account.pw_uid}", f"--regid={account.pw_gid}", "--clear-groups"]


@contextlib.contextmanager
def _cluster(files: Any) -> Iterator[Path]:
    place = Path(tempfile.mkdtemp(prefix="faultbox-postgres-", dir="/var/tmp"))
    try:
        (place / "password").write_text(PASSWORD)
        for name in ("certificate", "key"):
            (place / f"{name}.pem").write_bytes(getattr(files, name).read_bytes())
            (place / f"{name}.pem").chmod(0o600)
        if not os.getuid():
            for each in (place, *place.iterdir()):
                shutil.chown(each, _user())
        words = ["-U", "postgres", "-A", "scram-sha-256", "--pwfile", place / "password", "--no-sync", "-E", "UTF8"]
        make = [*_as_user(), program("initdb"), "-D", place / "data", "--locale=C.UTF-8", *words]
        subprocess.run(make, check=True, capture_output=True, cwd=place)
        (place / "data" / "pg_hba.conf").write_text(HBA)
        yield place
    finally:
        shutil.rmtree(place)


@pytest.fixture(scope="module")
def server(files: Any) -> Iterator[int]:
    """The port of a PostgreSQL with ssl=on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    with _cluster(files) as place:
        options = ["listen_addresses=localhost", "unix_socket_directories=", "fsync=off", "ssl=on"]
        options += [f"ssl_cert_file={place}/certificate.pem", f"ssl_key_file={place}/key.pem"]
        words = [word for each in options for word in ("-c", each)]
        command = [*_as_user(), program("postgres"), "-D", place / "data", "-p", str(port), *words]
        with subprocess.Popen(command, stderr=subprocess.DEVNULL, cwd=place) as process:
            try:
                deadline = time.monotonic() + 20
                while (wrong := client.ready(("127.0.0.1", port), 1)) and time.monotonic() < deadline:
                    assert process.poll() is None
                assert wrong == ""
                with psycopg.connect(dsn(port, "postgres"), autocommit=True) as connection:
                    connection.execute(f"create user bea password '{PASSWORD}'")
                yield port
            finally:
                process.send_signal(signal.SIGINT)


def dsn(port: int, user: str, **options: object) -> str:
    given = {"sslmode": "require", "connect_timeout": 20, "dbname": "postgres", **options}
    words = {"host": "localhost", "hostaddr": "127.0.0.1", "port": port, "user": user, "password": PASSWORD, **given}
    return " ".join(f"{name}={value}" for name, value in words.items())


@pytest.fixture(scope="module")
def doors(secured: Callable[..., Any], server: int, files: Any) -> dict[str, Any]:
    """A proxy that shows a certificate of the run's, and one that shows the service's own."""
    return {"run": secured("postgres", server), "own": secured("postgres", server, files.own)}


@pytest.fixture
def door(doors: dict[str, Any]) -> Any:
    for each in doors.values():
        each.clear()
    return doors["run"]


@pytest.fixture
def own_door(doors: dict[str, Any]) -> Any:
    for each in doors.values():
        each.clear()
    return doors["own"]


# -- drivers: what one statement gives, or the SQLSTATE of its error


def by_psycopg(port: int, statement: str) -> Any:
    try:
        with psycopg.connect(dsn(port, "postgres")) as connection:
            return connection.execute(statement).fetchone()[0]
    except psycopg.Error as error:
        return error.sqlstate


def by_asyncpg(port: int, statement: str) -> Any:
    async def do() -> Any:
        how = {"host": "localhost", "port": port, "user": "postgres", "password": PASSWORD, "database": "postgres"}
        connection = await asyncpg.connect(**how, ssl="require", timeout=20)
        try:
            return await connection.fetchval(statement)
        finally:
            await connection.close()

    try:
        return asyncio.run(do())
    except asyncpg.PostgresError as error:
        return error.sqlstate


def by_pg8000(port: int, statement: str) -> Any:
    context = ssl.create_default_context()
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    connection = pg8000.native.Connection("postgres", "localhost", port=port, password=PASSWORD, ssl_context=context)
    try:
        return connection.run(statement)[0][0]
    except pg8000.native.DatabaseError as error:
        return error.args[0]["C"]
    finally:
        connection.close()


def by_step(port: int, statement: str) -> Any:
    tls = Securing(client_context(Tls()), "localhost")
    got = client.step(("localhost", port), "query", {"sql": statement, "password": PASSWORD}, tls=tls)
    return got.data["sqlstate"] if got.error else next(iter(got.data[0].values()))


DRIVERS = [by_psycopg, by_asyncpg, by_pg8000, by_step]


@pytest.mark.parametrize("ask", DRIVERS)
def test_rules_see_into_tls_after_a_login_by_scram(ask: Callable[..., Any], door: Any, server: int) -> None:
    assert ask(server, ENCRYPTED) is True
    assert ask(door.port, "select 1") == 1
    door.rules(a_rule("error", match={"query": "select 2"}, code="disk_full", protocol="postgres"))
    assert ask(door.port, "select 1") == 1
    assert ask(door.port, "select 2") == "53100"
    assert door.counts()[1:3] == (1, 1)
    assert door.process.report().distortions == ()


@pytest.mark.parametrize("ask", DRIVERS)
def test_with_the_service_s_own_certificate_nothing_differs(ask: Callable[..., Any], own_door: Any) -> None:
    assert ask(own_door.port, ENCRYPTED) is True
    own_door.rules(a_rule("error", match={"query": "select 2"}, code="disk_full", protocol="postgres"))
    assert ask(own_door.port, "select 2") == "53100"


def test_pgx(door: Any, go_build: Callable[[Path], Path], server: int) -> None:
    program = go_build(Path(__file__).parent.parent / "postgres" / "pgx")
    env = {**os.environ, "PGPASSWORD": PASSWORD, "PGSSLMODE": "require"}

    def run(port: int, statement: str) -> str:
        command = [program, str(port), "run", statement]
        return subprocess.run(command, env=env, capture_output=True, text=True, timeout=30, check=True).stdout

    assert '"value":[[true]]' in run(server, ENCRYPTED)
    assert '"value":[[1]]' in run(door.port, "select 1")
    door.rules(a_rule("error", match={"query": "select 2"}, code="disk_full", protocol="postgres"))
    assert "53100" in run(door.port, "select 2")


def connected(port: int, user: str, **options: object) -> str:
    """ "" or why libpq could not connect."""
    try:
        with psycopg.connect(dsn(port, user, **options)) as connection:
            connection.execute("select 1")
    except psycopg.Error as error:
        return str(error)
    return ""


def test_a_caller_that_verifies(door: Any, own_door: Any, files: Any) -> None:
    strict = {"sslmode": "verify-full"}
    assert connected(door.port, "postgres", **strict, sslrootcert=files.run) == ""
    assert connected(own_door.port, "postgres", **strict, sslrootcert=files.home, channel_binding="require") == ""
    assert door.process.report().distortions == ()


def test_a_caller_that_does_not_trust_the_proxy(secured: Any, server: int, files: Any) -> None:
    door = secured("postgres", server)
    assert connected(door.port, "postgres", sslmode="verify-full", sslrootcert=files.home)
    (told,) = door.process.report().distortions
    assert "the caller refused the proxy's certificate: unknown ca" in told
    assert "proxy_cert=" in told


def test_a_caller_that_must_bind(secured: Any, server: int) -> None:
    door = secured("postgres", server)
    assert "channel binding" in connected(door.port, "postgres", channel_binding="require")
    (told,) = door.process.report().distortions
    assert "channel_binding=require" in told


def test_a_service_that_wants_tls_and_a_caller_that_could_bind(secured: Any, server: int) -> None:
    door = secured("postgres", server)
    assert connected(server, "bea") == ""
    assert connected(door.port, "bea", channel_binding="disable") == ""
    assert door.process.report().distortions == ()
    assert "no encryption" in connected(door.port, "bea")
    (told,) = door.process.report().distortions
    assert "channel_binding=disable" in told


def test_a_certificate_that_has_expired(door: Any, files: Any) -> None:
    door.rules(a_rule("error", tls="expired", protocol="postgres"))
    said = connected(door.port, "postgres", sslmode="verify-full", sslrootcert=files.run)
    assert "certificate verify failed" in said
    assert connected(door.port, "postgres") == ""
    assert door.counts().fired == 2
    (note,) = next(iter(notes for notes in door.process.report().notes.values() if notes))
    assert note == "callers accepted the certificate all the same (1 connection)"


def test_without_tls_in_the_spec_it_is_ended_all_the_same(door_to: Callable[..., Any], server: int) -> None:
    door = door_to("postgres", server)
    door.rules(a_rule("error", match={"query": "select 2"}, code="disk_full", protocol="postgres"))
    assert by_psycopg(door.port, "select 2") == "53100"
