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


def serve(connection, method, path, query, body):
    if path == "/health":
        answer(connection, 200, "ok")
    elif path == "/env":
        answer(connection, 200, json.dumps(dict(os.environ)), "application/json")
    elif path == "/file" and method == "PUT":
        try:
            put_file(query["path"], body)
        except OSError as error:
            answer(connection, 500, error_name(error))
        else:
            answer(connection, 200, "written")
    elif path == "/file":
        try:
            with open(query["path"], "rb") as file:
                answer(connection, 200, file.read())
        except OSError as error:
            answer(connection, 404, error_name(error))
    elif path == "/call":
        try:
            answer(connection, 200, call(query["addr"]))
        except OSError as error:
            answer(connection, 502, error_name(error))
    elif path == "/hang":
        open(os.environ["HANGS"], "w").close()
        threading.Event().wait()
    elif path == "/exit":
        os._exit(int(query["code"]))
    elif path == "/print":
        for number in range(int(query["n"])):
            print(f"line {number}", flush=True)
        answer(connection, 200)
    else:
        answer(connection, 404)


def main():
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind((HOST, PORT))
    listener.listen(128)
    print(f"listening on {PORT}", file=sys.stderr, flush=True)
    while True:
        connection, _ = listener.accept()
        threading.Thread(target=handle, args=(connection,), daemon=True).start()


if __name__ == "__main__":
    main()
