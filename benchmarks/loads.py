"""Load on a port: redis-benchmark and wrk, and what they say."""

from __future__ import annotations

import csv
import re
import subprocess
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

ALONE_REDIS, TOGETHER_REDIS = 6_000, 30_000
"""Requests by one connection, and by all of them."""
TOGETHER = 16
"""Connections at once where throughput is measured."""
KEYS = 1_000
"""Keys, or paths, that are asked for in turn: no cache of requests sees only one."""

_PATHS = f"""
local requests, next = {{}}, 0
init = function(args)
  for n = 1, {KEYS} do requests[n] = wrk.format("GET", "/orders/" .. n) end
end
request = function()
  next = next % {KEYS} + 1
  return requests[next]
end
"""
_UNITS = {"us": 1.0, "ms": 1e3, "s": 1e6}


@dataclass(frozen=True)
class Load:
    """Latency of one connection in us, and the requests a second of TOGETHER ones."""

    p50: float
    p99: float
    per_second: float


def redis(port: int) -> Load:
    """GET of random keys, on the port of 127.0.0.1 as this process sees it."""
    alone = _redis(port, 1, ALONE_REDIS)
    return Load(
        float(alone["p50_latency_ms"]) * 1e3,
        float(alone["p99_latency_ms"]) * 1e3,
        float(_redis(port, TOGETHER, TOGETHER_REDIS)["rps"]),
    )


def fill_redis(port: int) -> None:
    """Give the keys that `redis` asks for a value."""
    _run(["redis-benchmark", "-p", str(port), "-t", "set", "-r", str(KEYS), "-n", str(10 * KEYS), "-q"])


def _redis(port: int, connections: int, requests: int) -> dict[str, str]:
    how = ["-c", str(connections), "-n", str(requests), "-t", "get", "-r", str(KEYS), "--precision", "3", "--csv"]
    (row,) = csv.DictReader(_run(["redis-benchmark", "-p", str(port), *how]).splitlines())
    return row


def http(port: int, directory: Path) -> Load:
    """GET of several paths, each connection kept alive; a file for wrk is written into the directory."""
    script = directory / "paths.lua"
    script.write_text(_PATHS, encoding="ascii")
    alone = _wrk(port, 1, script)
    return Load(_latency(alone, 50), _latency(alone, 99), _per_second(_wrk(port, TOGETHER, script)))


def _wrk(port: int, connections: int, script: Path) -> str:
    how = ["-t", "1", "-c", str(connections), "-d", "1s", "--latency", "-s", str(script)]
    said = _run(["wrk", *how, f"http://127.0.0.1:{port}"])
    if "Socket errors" in said or "Non-2xx" in said:
        raise RuntimeError(f"wrk met errors:\n{said}")
    return said


def _latency(said: str, percentile: int) -> float:
    found = re.search(rf"^\s+{percentile}%\s+([\d.]+)(us|ms|s)$", said, re.MULTILINE)
    assert found is not None, said
    return float(found[1]) * _UNITS[found[2]]


def _per_second(said: str) -> float:
    found = re.search(r"^Requests/sec:\s+([\d.]+)$", said, re.MULTILINE)
    assert found is not None, said
    return float(found[1])


def _run(command: Sequence[str]) -> str:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise RuntimeError(f"{command} has ended with {done.returncode}:\n{done.stdout}{done.stderr}")
    return done.stdout
