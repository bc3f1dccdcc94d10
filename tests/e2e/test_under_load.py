"""Much at once over a steered edge whose rules match nothing: not one error, and every request was looked at."""

from __future__ import annotations

import re
import zipfile
from pathlib import Path

import pytest

pytestmark = [pytest.mark.root]

NGINX = """
daemon off; pid /tmp/nginx.pid; error_log stderr; worker_processes 1;
events { worker_connections 256; }
http {
  access_log off; keepalive_requests 1000;
  server { listen 127.0.0.1:8080; location / { return 200 "ok"; } }
}
"""


def test_wrk(tool) -> None:
    (tool.directory / "nginx.conf").write_text(NGINX)
    spec = """
    pages = service("pages", "nginx", interface("http", "http", 8080), args = ["-c", here("nginx.conf")],
                    healthcheck = http("http://localhost:8080/"))
    crowd = service("crowd", "wrk", args = ["-t", "1", "-c", "16", "-d", "2s", "http://localhost:8080/orders"],
                   depends_on = [pages], on_exit = "ignore")

    def done():
        assert_eventually(type = "service_exited", service = "crowd", within = "30s")

    def test_load():
        fault(pages.http, error(path = "/never/**", status = 500), delay(method = "POST", delay = "1s"),
              rewrite(match = {"status": "4??"}, body = "{}"), source = crowd, run = done)
    """
    outcome = tool.test(spec)
    assert outcome.verdicts() == {"test_load": "passed"}, outcome
    with zipfile.ZipFile(Path(outcome.results["bundle"])) as archive:
        said = archive.read(next(name for name in archive.namelist() if "/logs/crowd.stdout" in name)).decode()
    found = re.search(r"(\d+) requests in", said)
    assert found is not None, said
    assert "Socket errors" not in said
    assert "Non-2xx" not in said
    requests = int(found[1])
    assert requests > 1000
    rules = outcome.cases["test_load"]["rules"]
    assert [(each["matched"], each["fired"]) for each in rules] == [(0, 0)] * 3
    assert all(each["seen"] > requests / 2 for each in rules)
