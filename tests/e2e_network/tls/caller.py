"""A service for specs: GET /<how> asks the backend, trusting whom <how> says, and tells what came of it."""

import http.server
import os
import ssl
import subprocess
import urllib.error
import urllib.request

URL = "https://localhost:8443/data"


def by_file(path: str) -> str:
    try:
        context = ssl.create_default_context(cafile=path)
        with urllib.request.urlopen(URL, context=context, timeout=20) as answer:
            return str(answer.status)
    except urllib.error.HTTPError as error:
        return str(error.code)
    except OSError as error:
        return str(error)


def by_system() -> str:
    """As a program does that was never told whom to trust."""
    try:
        with urllib.request.urlopen(URL, timeout=20) as answer:
            return str(answer.status)
    except OSError as error:
        return str(error)


def by_curl(**env: str) -> str:
    command = ["curl", "-q", "-sS", "-o", "/dev/null", "-w", "%{http_code}", URL]
    done = subprocess.run(command, capture_output=True, text=True, timeout=20, check=False, env=env or None)
    return done.stdout if done.returncode == 0 else done.stderr


HOW = {
    "/named": lambda: by_file("home.pem"),
    "/other": lambda: by_file("other.pem"),
    "/run": lambda: by_file(os.environ["FAULTBOX_CA"]),
    "/system": by_system,
    "/curl": by_curl,
    "/bare": lambda: by_curl(PATH=os.environ["PATH"]),
}


class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        said = HOW[self.path]().encode() if self.path in HOW else b"up"
        self.send_response(200)
        self.send_header("Content-Length", str(len(said)))
        self.end_headers()
        self.wfile.write(said)


http.server.ThreadingHTTPServer(("127.0.0.1", 8080), Handler).serve_forever()
