"""Answers GET /<command>/<key>[/<value>] with what redis-py makes of it, over one pooled connection."""

import json
import os
from http.server import BaseHTTPRequestHandler, HTTPServer

import redis

client = redis.Redis.from_url(f"redis://{os.environ['REDIS_ADDR']}", decode_responses=True, retry=None)


def do(words):
    if words[0] == "move":
        with client.pipeline(transaction=True) as pipe:
            return pipe.set(words[1], "moved").incr("moves").execute()
    return client.execute_command(*words)


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        try:
            answer = {"value": do(self.path.strip("/").split("/")) if self.path != "/health" else client.ping()}
        except redis.RedisError as error:
            answer = {"error": type(error).__name__, "text": str(error)}
        body = json.dumps(answer).encode()
        self.send_response(200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, form, *args):
        pass


HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
