// A go-redis client as tests drive it: tour, get or set, one JSON object on stdout.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"io"
	"os"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

var ctx = context.Background()

type outcome struct {
	Value any     `json:"value"`
	Error string  `json:"error"`
	Text  string  `json:"text"`
	MS    float64 `json:"ms"`
}

// kind names an error as Go programs tell them apart.
func kind(err error) string {
	switch {
	case err == nil:
		return ""
	case errors.Is(err, redis.Nil):
		return "Nil"
	case errors.Is(err, io.ErrUnexpectedEOF):
		return "ErrUnexpectedEOF"
	case errors.Is(err, io.EOF):
		return "EOF"
	}
	for _, code := range []string{"READONLY", "LOADING", "CLUSTERDOWN", "OOM"} {
		if redis.HasErrorPrefix(err, code) {
			return code
		}
	}
	if said, ok := err.(redis.Error); ok {
		return strings.SplitN(said.Error(), " ", 2)[0]
	}
	return "other"
}

func run(do func() (any, error)) outcome {
	start := time.Now()
	value, err := do()
	text := ""
	if err != nil {
		value, text = nil, err.Error()
	}
	return outcome{value, kind(err), text, float64(time.Since(start).Microseconds()) / 1000}
}

func tour(client *redis.Client) []any {
	var said []any
	add := func(value any, err error) {
		if err != nil {
			value = strings.SplitN(err.Error(), " ", 2)[0]
		}
		said = append(said, value)
	}
	client.FlushDB(ctx)
	add(client.Set(ctx, "text", "caf\u00e9\r\n", 0).Result())
	add(client.Get(ctx, "text").Result())
	add(client.Get(ctx, "nothing").Result())
	add(client.Incr(ctx, "number").Result())
	add(client.RPush(ctx, "list", "a", "b", "c").Result())
	add(client.LRange(ctx, "list", 0, -1).Result())
	add(client.HSet(ctx, "hash", "f", "1").Result())
	add(client.HGetAll(ctx, "hash").Result())
	add(client.Incr(ctx, "list").Result())
	add(client.MGet(ctx, "text", "nothing", "number").Result())
	add(client.Eval(ctx, "return {KEYS[1], ARGV[1], 7}", []string{"k"}, "v").Result())
	large := strings.Repeat("x", 3_000_000)
	add(client.Set(ctx, "large", large, 0).Result())
	back, err := client.Get(ctx, "large").Result()
	add(back == large, err)
	for _, commands := range []func(context.Context, func(redis.Pipeliner) error) ([]redis.Cmder, error){
		client.Pipelined, client.TxPipelined,
	} {
		done, err := commands(ctx, func(pipe redis.Pipeliner) error {
			for range 100 {
				pipe.Incr(ctx, "counter")
			}
			return nil
		})
		add(done[len(done)-1].(*redis.IntCmd).Val(), err)
	}
	return said
}

func main() {
	client := redis.NewClient(&redis.Options{
		Addr: "127.0.0.1:" + os.Args[1], MaxRetries: -1, ReadTimeout: 10 * time.Second, PoolSize: 1,
	})
	defer client.Close()
	var said any
	switch os.Args[2] {
	case "tour":
		said = tour(client)
	case "get":
		said = run(func() (any, error) { return client.Get(ctx, os.Args[3]).Result() })
	case "set":
		said = run(func() (any, error) { return client.Set(ctx, os.Args[3], os.Args[4], 0).Result() })
	}
	json.NewEncoder(os.Stdout).Encode(said)
}
