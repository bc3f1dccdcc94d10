"""The alternative to our proxies: toxiproxy's server, built from its Go module once and kept."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path

from benchmarks.ports import await_port

MODULE = "github.com/Shopify/toxiproxy/v2/cmd/server@latest"
_API = 8474


class NoToxiproxy(Exception):
    """It can't be had here; the text says why, in a few words."""


def server() -> Path:
    """Its program, compiled on the first call on this machine. Raises NoToxiproxy."""
    go = shutil.which("go", path=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}")
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "faultbox-bench"
    program = cache / "server"
    if program.exists():
        return program
    if go is None:
        raise NoToxiproxy("toxiproxy: no go here to build it")
    built = subprocess.run([go, "install", MODULE], env={**os.environ, "GOBIN": str(cache)}, check=False)
    if built.returncode:
        raise NoToxiproxy("toxiproxy: go could not build it")
    return program


@contextlib.contextmanager
def running(program: Path, proxied: Mapping[int, int], directory: Path) -> Iterator[None]:
    """Run it in this process's network: what connects to a key of `proxied` is led to its value. No toxics."""
    config = directory / "toxiproxy.json"
    proxies = [
        {"name": f"to-{to}", "listen": f"127.0.0.1:{port}", "upstream": f"127.0.0.1:{to}", "enabled": True}
        for port, to in proxied.items()
    ]
    config.write_text(json.dumps(proxies), encoding="ascii")
    command = [str(program), "-port", str(_API), "-config", str(config)]
    quiet = {**os.environ, "LOG_LEVEL": "error"}
    process = subprocess.Popen(command, env=quiet, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for port in proxied:
            await_port(port)
        yield
    finally:
        process.kill()
        process.wait()
