"""Statements as rules see them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from faultbox.protocols.postgres import sql
from faultbox.protocols.postgres.tables import tables


@pytest.mark.parametrize(
    ("glob", "statement"),
    [
        ("INSERT*", "insert into orders values (1)"),
        ("INSERT *", "  INSERT\n\tINTO orders(id) VALUES (1) ;"),
        ("insert into orders*", "/* from web */ INSERT INTO Orders (id) -- here\n VALUES ($1)"),
        ("select * from orders", "SELECT id,total FROM orders"),
        ("select * from orders", "SELECT * FROM orders;"),
        ("SELECT id , total FROM orders", "select id,total from orders"),
        ("select count(*) from t", "SELECT COUNT( * ) FROM t"),
        ("select 1 where a=$1", "select 1 where a = ?"),
        ("select 1 where a=?", "select 1 where a = $12"),
        ("*orders*", "update orders_archive set a = 1"),
        ("* orders", "select * from orders"),
        ("*where name='Ada'", "select 1 from t where name = 'Ada'"),
        ("* 'A;-- b'", "select 'A;-- b'"),
        ('*"Mixed"*', 'select * from "Mixed" where 1=1'),
        ("*", ""),
        ("BEGIN", "begin;"),
        ("UPDATE*SET*WHERE*", "update t set a=1 where b=2"),
        ("select $$it's$$", "select $$it's$$"),
        ("* = 'a*'", "select 1 where x = 'abc'"),
        ("commit*", "COMMIT"),
        ("commit *", "COMMIT"),
        ("insert into orders*", 'INSERT INTO "orders" ("id") VALUES (%s)'),
        ('insert into "orders"*', "INSERT INTO orders (id) VALUES (1)"),
        ('insert into "ord*', 'INSERT INTO "orders" (id) VALUES (1)'),
        ('select "orders"."id" from "orders"', "select orders.id from orders"),
        ("insert into orders*", "begin; insert into orders values (1); commit"),
        ("begin;*commit;", "begin; insert into orders values (1); commit"),
        ("commit", "begin; insert into orders values (1); commit;"),
    ],
)
def test_a_glob_meets_a_statement_however_it_is_written(glob: str, statement: str) -> None:
    assert sql.glob(glob)(statement)


@pytest.mark.parametrize(
    ("glob", "statement"),
    [
        ("INSERT", "insert into orders values (1)"),
        ("insert into orders *", "insert into orders_archive values (1)"),
        ("* orders", "select * from all_orders"),
        ("*where name='Ada'", "select 1 from t where name = 'ada'"),
        ("*'x'*", 'select "x"'),
        ("select 1 where a=1", "select 1 where a = 2"),
        ("*drop*", "select 1 /* drop */ -- drop"),
        ("select a*a", "select a"),
        ("select * select", "select"),
        ('*"mixed"*', 'select * from "Mixed"'),
        ("*mixed*", 'select * from "Mixed"'),
        ("select*rollback", "begin; select 1; rollback"),
        ("insert into orders*", "select 'insert into orders'"),
    ],
)
def test_and_no_other(glob: str, statement: str) -> None:
    assert not sql.glob(glob)(statement)


@pytest.mark.parametrize(
    ("statement", "names"),
    [
        ("select * from orders", ("orders",)),
        ('select * from public."Orders" o join items i on i.o = o.id', ("public.Orders", "Orders", "items")),
        ("select a, b from t1, t2 as x, t3 where a in (select id from t4)", ("t1", "t2", "t3", "t4")),
        ("insert into orders (id, total) values ($1, $2) on conflict (id) do update set total = 1", ("orders",)),
        ("INSERT INTO a SELECT x, y FROM b", ("a", "b")),
        ("update only stock set n = n - 1, m = 2 from cart where stock.id = cart.id", ("stock", "cart")),
        ("delete from t using u where t.id = u.id", ("t", "u")),
        ("with recent as (select * from orders) select * from recent r, users", ("orders", "users")),
        ("select extract(year from born), substring(name from 2) from people", ("people",)),
        ("select * from a where b is distinct from c", ("a",)),
        ("select * from t for update of t", ("t",)),
        ("copy metrics (a, b) from stdin", ("metrics",)),
        ("truncate table a, b", ("a", "b")),
        ("create table if not exists t (id int references u)", ("t",)),
        ("drop table if exists t", ("t",)),
        ("select * from generate_series(1, 3) g, t", ("t",)),
        ("select * from (select 1 from inside) s, t", ("inside", "t")),
        (
            "merge into stock s using arrivals a on s.id = a.id when matched then update set n = 1",
            ("stock", "arrivals"),
        ),
        ("copy (select * from orders) to stdout", ("orders",)),
        ("copy orders from '/tmp/file'", ("orders",)),
        ("fetch forward 5 from cursor_1", ()),
        ('create unique index concurrently i on only public."orders" using btree (id)', ("public.orders", "orders")),
        ("create trigger t before insert on orders for each row execute function f()", ("orders",)),
        (
            "select * from (orders o join users u on o.u = u.id) left join (items i join z on true) on true",
            ("orders", "users", "items", "z"),
        ),
        ("select * from ((select 1 from a) x join b on true)", ("a", "b")),
        ("begin; copy orders from stdin", ("orders",)),
        ("select 1", ()),
        ("begin", ()),
        ("from", ()),
        ("select ')' from (", ()),
    ],
)
def test_tables(statement: str, names: tuple[str, ...]) -> None:
    assert tables(statement) == names


@pytest.mark.parametrize(
    ("statement", "commands"),
    [
        ("select 1", ("SELECT",)),
        ("/* x */ Begin", ("BEGIN",)),
        ("with a as (select 1), b as (delete from x) insert into t select * from a", ("INSERT", "DELETE")),
        (
            "with a as materialized (insert into t values (1)) select (select 1) from a",
            ("SELECT", "INSERT"),
        ),
        ("(select 1)", ("SELECT",)),
        ("begin; insert into t values (1); commit;", ("BEGIN", "INSERT", "COMMIT")),
        ("with", ("WITH",)),
        ("", ("",)),
        (";", ("",)),
    ],
)
def test_commands(statement: str, commands: tuple[str, ...]) -> None:
    assert sql.commands(statement) == commands


def test_a_shape_is_without_values() -> None:
    shapes = {
        sql.shape("insert into t (a, b) values (1, 'x')"),
        sql.shape("INSERT INTO t(a,b) VALUES ($1,$2), ($3,$4);"),
        sql.shape("insert into t (a, b) values (E'it\\'s', 2.5e3)"),
    }
    assert {shape.replace(" ", "") for shape in shapes} == {"insertintot(a,b)values(?)"}


def test_a_shape_is_without_comments_and_keeps_names() -> None:
    assert sql.shape("/* request 7 */ SELECT a1 FROM \"T 1\" -- it's\n WHERE b = '--' AND c=.5") == (
        'select a1 from "t 1" where b = ? and c=?'
    )


@given(st.text(alphabet="ab '\"$1?;*(),.-/\n", max_size=60))
def test_any_text_is_read(text: str) -> None:
    assert sql.glob(text.replace("*", " "))(text.replace("*", " "))
    assert sql.glob("*")(text)
    tables(text), sql.shape(text), sql.commands(text)


def test_long_statements_are_read_in_time_that_grows_with_them() -> None:
    many = "insert into t values " + ", ".join("('a''b', $1)" for _ in range(20_000))
    assert sql.shape(many) == "insert into t values (?)"
    assert not sql.glob("*x*y*z*never*")(many)
    assert tables("'" * 20_001) == ()
    assert tables(many) == ("t",)
