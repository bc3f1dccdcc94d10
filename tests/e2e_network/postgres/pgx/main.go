// A pgx client as tests drive it: `PORT run SQL [INTEGER...]` or `PORT tour`, one JSON value on stdout.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

var ctx = context.Background()

type outcome struct {
	Value any     `json:"value"`
	Error string  `json:"error"`
	Code  string  `json:"code"`
	MS    float64 `json:"ms"`
}

// kind names an error as Go programs tell them apart.
func kind(err error) (string, string) {
	var refused *pgconn.PgError
	switch {
	case err == nil:
		return "", ""
	case errors.As(err, &refused):
		return "PgError", refused.Code
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "UnexpectedEOF", ""
	}
	return err.Error(), ""
}

func rows(conn *pgx.Conn, sql string, args ...any) (any, error) {
	found, err := conn.Query(ctx, sql, args...)
	if err != nil {
		return nil, err
	}
	all := [][]any{}
	for found.Next() {
		row, err := found.Values()
		if err != nil {
			return nil, err
		}
		all = append(all, row)
	}
	return all, found.Err()
}

func connect(port string) (*pgx.Conn, error) {
	return pgx.Connect(ctx, fmt.Sprintf("postgres://postgres@127.0.0.1:%s/postgres?connect_timeout=20", port))
}

func run(port, sql string, args []any) outcome {
	conn, err := connect(port)
	start := time.Now()
	var value any
	if err == nil {
		defer conn.Close(ctx)
		start = time.Now()
		value, err = rows(conn, sql, args...)
	}
	if err != nil {
		value = nil
	}
	name, code := kind(err)
	return outcome{value, name, code, float64(time.Since(start).Microseconds()) / 1000}
}

func tour(conn *pgx.Conn) []any {
	var said []any
	add := func(value any, err error) {
		name, code := kind(err)
		said = append(said, value, name+code)
	}
	exec := func(sql string, args ...any) {
		tag, err := conn.Exec(ctx, sql, args...)
		add(tag.String(), err)
	}
	exec("create temp table t (id int primary key, name text, extra jsonb)")
	for id := range 3 {
		exec("insert into t values ($1, $2, $3)", id, fmt.Sprint("n", id), map[string]any{"a": id})
	}
	exec("insert into t values (1)")
	add(rows(conn, "select * from t order by id"))
	add(rows(conn, "select $1::float8 / 3, $2::bool, $3::bytea, null", 1.0, true, []byte{0, 255}))
	add(rows(conn, "select 1 / $1::int", 0))

	batch := &pgx.Batch{}
	for id := 10; id < 40; id++ {
		batch.Queue("insert into t values ($1, 'batch')", id)
	}
	batch.Queue("select count(*) from t")
	add("batch", conn.SendBatch(ctx, batch).Close())
	broken := &pgx.Batch{}
	broken.Queue("insert into t values (100)")
	broken.Queue("insert into t values (1)")
	broken.Queue("insert into t values (101)")
	add("broken batch", conn.SendBatch(ctx, broken).Close())
	add(rows(conn, "select count(*) from t"))

	source := pgx.CopyFromSlice(5000, func(i int) ([]any, error) { return []any{1000 + i, strings.Repeat("x", 100)}, nil })
	add(conn.CopyFrom(ctx, pgx.Identifier{"t"}, []string{"id", "name"}, source))
	var copied strings.Builder
	tag, err := conn.PgConn().CopyTo(ctx, &copied, "copy (select * from t order by id) to stdout")
	add(fmt.Sprint(tag, copied.Len()), err)

	tx, err := conn.Begin(ctx)
	add("begin", err)
	_, err = tx.Exec(ctx, "insert into t values (1)")
	add("in a transaction", err)
	_, err = tx.Exec(ctx, "select 1")
	add("in a failed one", err)
	add("commit", tx.Commit(ctx))
	exec("listen ch")
	exec("notify ch, 'hello'")
	note, err := conn.WaitForNotification(ctx)
	add(note.Payload, err)
	add(rows(conn, "select 1 as a", pgx.QueryExecModeSimpleProtocol))
	return said
}

func main() {
	var result any
	if os.Args[2] == "tour" {
		conn, err := connect(os.Args[1])
		if err != nil {
			panic(err)
		}
		defer conn.Close(ctx)
		result = tour(conn)
	} else {
		args := []any{}
		for _, each := range os.Args[4:] {
			number, _ := strconv.Atoi(each)
			args = append(args, number)
		}
		result = run(os.Args[1], os.Args[3], args)
	}
	if err := json.NewEncoder(os.Stdout).Encode(result); err != nil {
		panic(err)
	}
}
