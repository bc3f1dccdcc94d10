"""postgres steps, against servers that say exactly what a test says."""

from __future__ import annotations

import socket
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

import pytest

from faultbox.model.host import SpecError
from faultbox.protocols.postgres.client import defaults, ready, step

Serve = Callable[..., tuple[str, int]]


@pytest.fixture
def database(serve: Serve, pg: SimpleNamespace) -> Callable[..., tuple[str, int]]:
    """`database(*answers)`: takes the connection, then gives an answer to each thing it is sent."""

    def make(*answers: bytes) -> tuple[str, int]:
        def handle(connection: socket.socket) -> None:
            connection.recv(65536)
            connection.sendall(pg.authenticated + pg.ready())
            for answer in answers:
                connection.recv(65536)
                connection.sendall(answer)
            connection.recv(65536)

        return serve(handle)

    return make


def test_a_query_gives_rows(database: Serve, pg: SimpleNamespace) -> None:
    columns = pg.columns(id=23, price=1700, whole=1700, on=16, born=1082, tags=3802, name=25)
    row = pg.row(b"1", b"2.50", b"3", b"t", b"2020-01-02", b'{"a": [1]}', None)
    response = step(database(columns + row + pg.done("SELECT 1") + pg.ready()), "query", {"sql": "SELECT"})
    assert response.data == [
        {"id": 1, "price": 2.5, "whole": 3, "on": True, "born": "2020-01-02", "tags": {"a": [1]}, "name": None}
    ]
    assert (response.ok, response.error, response.protocol) == (True, "", "postgres")
    assert response.body.startswith('[{"id": 1')


def test_exec_gives_how_many_rows_it_changed(database: Serve, pg: SimpleNamespace) -> None:
    response = step(database(pg.done("UPDATE 3") + pg.ready()), "exec", {"sql": "UPDATE"})
    assert (response.data, response.fields) == ({"rows_affected": 3}, {"rows_affected": "3"})
    response = step(database(pg.done("CREATE TABLE") + pg.ready()), "exec", {"sql": "CREATE"})
    assert response.data == {"rows_affected": 0}


def test_an_error_is_told_with_its_code(database: Serve, pg: SimpleNamespace) -> None:
    response = step(database(pg.error("40P01", "deadlock detected") + pg.ready()), "query", {"sql": "SELECT"})
    assert (response.ok, response.error) == (False, "deadlock detected (SQLSTATE 40P01)")
    assert response.data["sqlstate"] == response.fields["sqlstate"] == "40P01"


def test_a_server_that_says_nothing(serve: Serve, pg: SimpleNamespace) -> None:
    address = serve(lambda connection: connection.recv(65536) and connection.recv(65536))
    response = step(address, "query", {"sql": "SELECT", "timeout_ms": 100.0})
    assert (response.ok, response.error) == (False, "timeout")


def test_a_server_that_hangs_up(serve: Serve, reset: Callable[[socket.socket], None]) -> None:
    assert step(serve(reset), "query", {"sql": "SELECT"}).error == "connection reset"
    quiet = step(serve(lambda connection: connection.recv(65536)), "query", {"sql": "SELECT"})
    assert quiet.error == "protocol error: the connection was closed without an answer"


def test_arguments_that_cannot_be_sent(free_port: int) -> None:
    with pytest.raises(SpecError, match="the statement can't be sent"):
        step(("127.0.0.1", free_port), "query", {"sql": "SELECT :a", "args": {"b": 1}})


def test_defaults_come_from_the_environment() -> None:
    assert defaults({}) == {"user": "postgres", "database": "postgres"}
    env = {"POSTGRES_USER": "ada", "POSTGRES_PASSWORD": "x", "PATH": "/bin"}
    assert defaults(env) == {"user": "ada", "password": "x", "database": "ada"}
    assert defaults({"POSTGRES_DB": "shop"}) == {"user": "postgres", "database": "shop"}


@pytest.mark.parametrize(
    ("answer", "wrong"),
    [
        (lambda pg: pg.wants_password, ""),
        (lambda pg: pg.authenticated + pg.ready(), ""),
        (lambda pg: pg.error("28000", "no role", "FATAL"), ""),
        (
            lambda pg: pg.error("57P03", "the database system is starting up", "FATAL"),
            "the database system is starting up",
        ),
        (lambda _pg: b"-ERR unknown command\r\n", "not PostgreSQL: a message of type '-'"),
        (lambda _pg: b"", "the connection was closed without an answer"),
    ],
)
def test_ready(serve: Serve, pg: SimpleNamespace, answer: Callable[[Any], bytes], wrong: str) -> None:
    def handle(connection: socket.socket) -> None:
        connection.recv(65536)
        connection.sendall(answer(pg))

    assert ready(serve(handle), 5) == wrong


def test_not_ready_where_nobody_listens(free_port: int) -> None:
    assert ready(("127.0.0.1", free_port), 5) == "connection refused"
