"""A small HTTP service for tests: what it does is in its environment and in the requests it gets.

GET /health          200
GET /env             its environment as JSON
PUT /file?path=P     writes the body to P (fsync), answers 200, or 500 with the error's name
GET /file?path=P     the content of P, or 404
GET /call?addr=A     connects to A, sends a line, answers with what came back, or 502 with the error's name
GET /hang            never answers (tells so by making the file $HANGS)
GET /exit?code=N     ends the process
POST /print?n=N      prints N lines
"""

import json
import os
import socket
import sys
import threading
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

PORT = int(os.environ.get("PORT", "8080"))
HOST = os.environ.get("HOST", "127.0.0.1")


def answer(connection, status, body=b"", kind="text/plain"):
    body = body.encode() if isinstance(body, str) else body
    head = f"HTTP/1.1 {status} X\r\nContent-Type: {kind}\r\nContent-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    connection.sendall(head.encode() + body)


def put_file(path, body):
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o644)
    try:
        os.write(fd, body)
        os.fsync(fd)
    finally:
        os.close(fd)


def call(addr):
    host, _, port = addr.rpartition(":")
    with socket.create_connection((host, int(port)), timeout=10) as peer:
        peer.sendall(b"ping\n")
        return peer.recv(4096)


def error_name(error):
    import errno

    return errno.errorcode.get(error.errno or 0, type(error).__name__)


def handle(connection):
    with connection:
        data = b""
        while b"\r\n\r\n" not in data:
            part = connection.recv(65536)
            if not part:
                return
            data += part
        head, _, body = data.partition(b"\r\n\r\n")
        lines = head.decode().split("\r\n")
        method, target, _ = lines[0].split(" ", 2)
        headers = {name.lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
        while len(body) < int(headers.get("content-length", 0)):
            body += connection.recv(65536)
        url = urlsplit(target)
        query = {name: values[0] for name, values in parse_qs(url.query).items()}
        serve(connection, method, url.path, query, body)


def health(connection, method, query, body):
    answer(connection, 200, "ok")


def env(connection, method, query, body):
    answer(connection, 200, json.dumps(dict(os.environ)), "application/json")


def file(connection, method, query, body):
    path = Path(query["path"])
    try:
        if method == "PUT":
            put_file(path, body)
            answer(connection, 200, "written")
        else:
            answer(connection, 200, path.read_bytes())
    except OSError as error:
        answer(connection, 500 if method == "PUT" else 404, error_name(error))


def call_other(connection, method, query, body):
    try:
        answer(connection, 200, call(query["addr"]))
    except OSError as error:
        answer(connection, 502, error_name(error))


def hang(connection, method, query, body):
    Path(os.environ["HANGS"]).touch()
    threading.Event().wait()


def leave(connection, method, query, body):
    os._exit(int(query["code"]))


def print_lines(connection, method, query, body):
    for number in range(int(query["n"])):
        sys.stdout.write(f"line {number}\n")
    sys.stdout.flush()
    answer(connection, 200)


ROUTES = {
    "/health": health,
    "/env": env,
    "/file": file,
    "/call": call_other,
    "/hang": hang,
    "/exit": leave,
    "/print": print_lines,
}


def serve(connection, method, path, query, body):
    route = ROUTES.get(path)
    if route is None:
        answer(connection, 404)
    else:
        route(connection, method, query, body)


def main():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, PORT))
    listener.listen(128)
    sys.stderr.write(f"listening on {PORT}\n")
    sys.stderr.flush()
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=handle, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
