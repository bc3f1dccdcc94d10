"""A line stands where it was written, between what led to it and what followed, though it is read some time later."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

pytestmark = pytest.mark.root

SERVER = """
import os, socket
listener = socket.create_server(("127.0.0.1", 8080))
while True:
    caller, _ = listener.accept()
    with caller:
        line = caller.recv(100)
        os.write(1, line)
        caller.sendall(line)
"""
SPEC = f"""
api = service("api", "{sys.executable}", interface("main", "tcp", 8080),
    args = ["-I", "server.py"], healthcheck = tcp("localhost:8080"), observe = [observe.stdout()])

def test_each_line_is_written_between_its_question_and_its_answer():
    for number in range(1, 31):
        api.main.send(data = "order %d\\n" % number)
        line = {{"type": "stdout", "raw": "order %d" % number}}
        assert_before(first = {{"type": "step_send", "step": str(number)}}, then = line)
        assert_before(first = line, then = {{"type": "step_recv", "step": str(number)}})
"""


def test_a_line_comes_after_its_cause_and_before_its_effect(tmp_path: Path) -> None:
    (tmp_path / "spec.star").write_text(SPEC.replace("server.py", str(tmp_path / "server.py")))
    (tmp_path / "server.py").write_text(SERVER)
    done = subprocess.run(
        [sys.executable, "-m", "faultbox", "test", "spec.star", "--seed", "1", "--no-bundle"],
        cwd=tmp_path, capture_output=True, text=True, timeout=120, check=False,
        env={**os.environ, "FAULTBOX_STATE_DIR": str(tmp_path / "state"), "NO_COLOR": "1"},
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
